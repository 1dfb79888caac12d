namespace Keelson.Image.Tests.Examples;

/// <summary>examples/nginx-php: two services in order, one health, and a stop that loses no request.</summary>
public sealed class NginxPhpTests
{
    private static readonly string s_image = Docker.Example("nginx-php");

    private static Container Start(params string[] options) => Container.Start(["-p", "127.0.0.1::8080", .. options, s_image]);

    [Fact]
    public void Nginx_starts_when_php_fpm_listens_so_that_the_first_answer_is_a_good_one()
    {
        using Container container = Start("-e", "RELEASE=7");
        using var web = new Web(container.Port(8080));
        var answers = new List<(int Status, string Body)>();
        container.Until("it answers", () =>
        {
            answers.Add(web.Get(""));
            return answers[^1].Status != 0;
        });
        container.Must(answers[^1] == (200, $"{container.Id[..12]} 7\n"), string.Join('\n', answers));
        container.Until("Docker calls it healthy", () => container.Inspect("{{.State.Health.Status}}") == "healthy");
    }

    [Fact]
    public void It_is_not_healthy_when_one_of_the_two_is_not()
    {
        using Container container = Start();
        using var web = new Web(container.Port(8080));
        container.Until("it is well", () => web.Get("health") == (200, "well"));
        container.Exec("sv", "stop", "php-fpm").Must();
        container.Must(web.Get("health").Status == 502, "php-fpm is down");
        container.Exec("sv", "start", "php-fpm").Must();
        container.Until("it is well again", () => web.Get("health").Status == 200);
        // Killed rather than stopped: it comes back by itself.
        container.Shell("kill -KILL $(cat /etc/service/nginx/supervise/pid)").Must();
        container.Until("nginx is back", () => web.Get("health").Status == 200);
    }

    [Fact]
    public async Task A_stop_answers_what_has_begun_and_refuses_what_comes_later()
    {
        using Container container = Start("-e", "DRAIN_SECONDS=3");
        using var web = new Web(container.Port(8080));
        container.Until("it answers", () => web.Get("").Status == 200);
        Task<(int Status, string Body)> slow = web.GetAsync("?seconds=8");
        // A listening socket and a connected one (proc_net_unix(5)).
        container.Until("the request has reached php-fpm", () => container.Shell("grep -c 'php-fpm.sock$' /proc/net/unix").Output.Trim() is not ("0" or "1"));
        Task<TimeSpan> stop = Task.Run(() => container.Stop("-t", "30"));
        // First it only says that it is going: whoever asks is still served.
        container.Until("the health check fails", () => web.Get("health").Status == 503);
        container.Must(web.Get("").Status == 200, "a request while it drains");
        container.Until("it takes no more requests", () => web.Get("").Status == 0);
        container.Must(!slow.IsCompleted, "the slow request was to be running still");
        (int status, string body) = await slow;
        TimeSpan took = await stop;
        container.Must(status == 200 && body == $"{container.Id[..12]} -\n", $"{status} {body}");
        container.Must(container.ExitStatus == 0, "exit status");
        string log = container.Logs();
        int nginx = log.IndexOf("ok: down: nginx", StringComparison.Ordinal);
        container.Must(nginx >= 0 && nginx < log.IndexOf("exiting, bye-bye", StringComparison.Ordinal), "nginx was to end before php-fpm");
        Docker.Figure($"examples/nginx-php: stopped with a request of 8 s running and DRAIN_SECONDS=3: {took.TotalSeconds:0.0} s, answered in full");
    }

    [Theory]
    [InlineData("--user www-data --cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /run:uid=33")]
    [InlineData("--read-only --tmpfs /run")]
    public void It_runs_with_few_rights(string options)
    {
        using Container container = Start(options.Split(' '));
        using var web = new Web(container.Port(8080));
        container.Until("it answers", () => web.Get("").Status == 200);
        container.Stop("-t", "30");
        container.Must(container.ExitStatus == 0, "exit status");
    }

    [Fact]
    public void After_a_restart_it_does_not_take_itself_for_one_that_goes()
    {
        using Container container = Start();
        container.Until("it is well", () => Well(container));
        Docker.Run("restart", "-t", "30", container.Id).Must();
        container.Until("it is well again", () => Well(container));

        // The port is another one after each start.
        static bool Well(Container container)
        {
            using var web = new Web(container.Port(8080));
            return web.Get("health").Status == 200;
        }
    }
}
