using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Examples;

/// <summary>
/// A swarm of this engine alone, for as long as a test needs it. One that another run left behind, with an engine that was
/// killed for example, is left first; one that is somebody's is used, and stays.
/// </summary>
internal sealed partial class Swarm : IDisposable
{
    private const string Mark = "org.keelson.test";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private readonly FileStream _turn;
    private readonly bool _isOurs;

    public Swarm()
    {
        // One at a time for each engine, whichever checkout they are from.
        string engine = Letters().Replace(Docker.Run("info", "--format", "{{.ID}}").Output, "");
        _turn = Turn(Path.Combine(Path.GetTempPath(), $"keelson-swarm-{engine}.lock"));
        try
        {
            string state = State();
            if (state == "active" && Labels().Contains(Mark, StringComparison.Ordinal))
                state = Leave();
            if (state is not ("active" or "inactive"))
            {
                // Without its address or its certificate it can't be used by anybody. It might still be dear to its owner.
                if (!IsPrivate)
                    Assert.Fail($"the swarm of this engine is {state}, see `docker info`; this test needs one, or none: docker swarm leave --force");
                state = Leave();
            }
            if (state == "inactive")
            {
                _isOurs = true;
                // Loopback: an address that the machine has next time too.
                Docker.Run("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0").Must();
                Docker.Run("node", "update", "--label-add", $"{Mark}=1", Docker.Run("info", "--format", "{{.Swarm.NodeID}}").Output.Trim()).Must();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static bool IsPrivate => Environment.GetEnvironmentVariable("DOCKER_HOST")?.Contains("/keelson-engine-", StringComparison.Ordinal) == true;

    private static string State() => Docker.Run("info", "--format", "{{.Swarm.LocalNodeState}}").Output.Trim();

    private static string Labels() => Docker.Run("node", "inspect", "self", "--format", "{{json .Spec.Labels}}").Output;

    private static string Leave()
    {
        Docker.Run("swarm", "leave", "--force").Must();
        return State();
    }

    private static FileStream Turn(string path)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (clock.Elapsed < s_patience)
            {
                Thread.Sleep(200);
            }
        }
    }

    public void Dispose()
    {
        if (_isOurs)
        {
            Docker.Run("swarm", "leave", "--force");
            Docker.Run("network", "rm", "docker_gwbridge");
        }
        _turn.Dispose();
    }

    [GeneratedRegex("[^A-Za-z0-9]")]
    private static partial Regex Letters();
}
