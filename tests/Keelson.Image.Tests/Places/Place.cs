using System.Text;

namespace Keelson.Image.Tests.Places;

/// <summary>Two containers in one place: one runs a command that tries what there is, the other services alone until it is stopped.</summary>
public sealed class Place
{
    // Where no log says that the boot is over.
    private const string Up = "web is up";

    private static readonly Lazy<string> s_image = new(BuildImage);

    private readonly string[] _engine;
    private readonly string[] _options;
    private readonly Way _way;
    private string _report = "";
    private string _logs = "";

    private Place(string[] engine, string[] options, Way way)
    {
        _engine = engine;
        _options = options;
        _way = way;
    }

    /// <summary>The image under test with a service, a job, a key, and the command.</summary>
    public static string Image => s_image.Value;

    /// <summary>The first cell is what docker run gets.</summary>
    public static bool IsOptions(string place) => place.StartsWith("`-", StringComparison.Ordinal) && place.EndsWith('`');

    /// <summary>Goes there, and fails where a cell of the row is not true.</summary>
    /// <param name="engine">Options that lead docker to another engine.</param>
    public static void Check(Row row, params string[] engine)
    {
        string[] options = IsOptions(row.Place) && !Ways.All.ContainsKey(row.Place) ? row.Place.Trim('`').Split(' ') : [];
        var place = new Place(engine, options, Ways.All.GetValueOrDefault(row.Place) ?? new Way());
        Dictionary<string, bool> works = place.Look();
        var wrong = new StringBuilder();
        foreach ((string column, string cell) in row.Cells)
        {
            bool isException = Ways.Exceptions.TryGetValue((row.Place, column), out (string Cell, string Message) exception);
            bool isTrue = isException
                ? cell == exception.Cell && !works[column] && (place._logs + place._report).Contains(exception.Message, StringComparison.Ordinal)
                : cell == "yes" && works[column];
            if (!isTrue)
                wrong.Append($"{column}: the page says \"{cell}\"; {(isException ? $"\"{exception.Cell}\" is expected, with the message \"{exception.Message}\"" : "\"yes\" is expected")}; it {(works[column] ? "works" : "does not work")}\n");
        }
        if (wrong.Length > 0)
            Assert.Fail($"{row.Place}\n{wrong}--- what the command found\n{place._report}\n--- docker logs\n{place._logs}");
    }

    private Dictionary<string, bool> Look()
    {
        using Container? company = _way.HasCompany ? Start(Image, "sleep", "1000") : null;
        string[] beside = company is null ? [] : ["--pid", $"container:{company.Id}"];
        bool stops = false;
        int status = 0;
        Task.WaitAll(
            Task.Run(() => status = RunCommand(beside), TestContext.Current.CancellationToken),
            Task.Run(() => stops = RunServices(beside), TestContext.Current.CancellationToken));
        company?.Must(company.Inspect("{{.State.Running}}") == "true", "the other container was ended");
        bool Found(string what) => _report.Contains($"+ {what}\n", StringComparison.Ordinal);
        string[] columns = Matrix.Columns;
        return new()
        {
            [columns[0]] = Found("services") && Found("environment"),
            [columns[1]] = status == 7,
            [columns[2]] = Found("status"),
            [columns[3]] = _logs.Contains(" look: hello from look", StringComparison.Ordinal),
            [columns[4]] = Found("files"),
            [columns[5]] = Found("cron"),
            [columns[6]] = Found("ssh"),
            [columns[7]] = stops,
        };
    }

    /// <summary>The exit status of `my_init -- look`, whose report and log are kept.</summary>
    private int RunCommand(string[] beside)
    {
        using Container container = Start([.. _options, .. _way.Options, .. beside, Image, "sh", "-c", _way.Launch, "sh", "/sbin/my_init", "--", "look"]);
        _way.ToCommand?.Invoke(container);
        Outcome ended = container.Do("wait");
        ended.Must();
        _logs = container.Logs();
        string file = Path.GetTempFileName();
        Outcome copied = Run("cp", $"{container.Id}:/report/look", file);
        _report = copied.Status == 0 ? File.ReadAllText(file) : copied.ToString();
        File.Delete(file);
        return int.Parse(ended.Output, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Whether docker stop ends it with 0, before Docker kills it.</summary>
    private bool RunServices(string[] beside)
    {
        using Container container = Start([.. _options, .. _way.Options, .. beside, Image, "sh", "-c", _way.Prepare + _way.Launch, "sh", "/sbin/my_init"]);
        if (_way.HasExec)
            container.Until("the service runs", () => container.Exec("sv", "status", "web").Output.StartsWith("run: web: (pid ", StringComparison.Ordinal));
        else
            container.UntilLogged(Up);
        _way.ToServices?.Invoke(container);
        // Docker's own ten seconds, which podman is told.
        container.Stop("-t", "10");
        bool stopped = container.ExitStatus == 0;
        // One warning for one cause.
        string logs = container.Logs();
        container.Must(stopped, "it did not stop with 0");
        container.Must(_way.ToServices is not null || logs.Split('\n').Count(l => l.StartsWith("*** cannot", StringComparison.Ordinal)) <= 1, "it has warned more than once");
        container.Must(!logs.Contains("Error opening file", StringComparison.Ordinal), "syslog-ng complains of a place where it can't write");
        return stopped;
    }

    private Container Start(params string[] arguments)
    {
        Outcome started = Run(["run", "-d", "--label", Docker.Label, "-v", "/report", "-e", "FOO=bar", .. arguments]);
        started.Must();
        return Container.Of(started.Output.Trim(), _engine);
    }

    private Outcome Run(params string[] arguments) => Docker.Run([.. _engine, .. arguments]);

    private static string BuildImage()
    {
        string image = $"keelson-test-places-{Environment.ProcessId}";
        string look = Convert.ToBase64String(File.ReadAllBytes(Path.Combine(Docker.Top, "tests/Keelson.Image.Tests/Places/look")));
        Docker.RunWithInput(
            $"""
            FROM {Docker.Image}
            RUN mkdir /etc/service/web && printf '#!/bin/sh\necho {Up}\nexec sleep 1000\n' >/etc/service/web/run && chmod +x /etc/service/web/run \
             && echo file >/etc/container_environment/FROM_FILE \
             && mkdir -m 1777 /report && echo '@reboot root touch /report/cron' >/etc/cron.d/report \
             && mkdir -p -m 700 /root/.ssh && cat /etc/insecure_key.pub >/root/.ssh/authorized_keys && cp /etc/insecure_key /root/key && chmod 600 /root/key \
             && echo {look} | base64 -d >/usr/local/bin/look && chmod +x /usr/local/bin/look
            CMD ["/sbin/my_init"]

            """, "build", "--label", Docker.Label, "-t", image, "-").Must();
        return image;
    }
}
