using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>The linker's door for the early signal mask is not documented; a binary that was linked without it must do as well.</summary>
public sealed class FallbackTests
{
    [Fact]
    [NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Without_the_early_mask_it_starts_itself_again_so_that_no_thread_takes_a_signal()
    {
        await using Sandbox s = new Sandbox().WithoutEarlyMask();
        await s.Start("--", "sleep", "12345");
        await s.WaitForProcess("sleep 12345");
        foreach (string thread in Directory.GetDirectories($"/proc/{s.HostPid}/task"))
        {
            string line = File.ReadLines(thread + "/status").Single(l => l.StartsWith("SigBlk:", StringComparison.Ordinal));
            ulong blocked = ulong.Parse(line["SigBlk:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            foreach (int signal in new[] { Sig.Term, Sig.Hup, Sig.Usr1, 17, Sig.RtMin + 1, Sig.RtMax })
                Assert.True((blocked >> (signal - 1) & 1) == 1, $"{thread} does not block {signal}: {line}");
        }
        (int status, _) = await s.Stop();
        Assert.Equal(143, status);
    }

    [Fact]
    public async Task Arguments_and_environment_survive_that_byte_for_byte_and_nothing_is_added()
    {
        await using Sandbox s = new Sandbox().WithoutEarlyMask();
        s.Env("ODD=\u00e9\n'x"u8);
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "sh", "-c", "printf '%s|' \"$@\" \"$ODD\"; env | grep -c KEELSON; exit 0", "sh", "a b", "", "\u00e9"));
        Assert.Equal("a b||\u00e9|\u00e9\n'x|0\n", s.Out.Text);
    }

    [Fact]
    public async Task Setuser_needs_no_second_start()
    {
        await using Sandbox s = new Sandbox().WithoutEarlyMask();
        await s.StartCommand("/sbin/setuser", "app", "id", "-un");
        Assert.Equal(0, await s.Exit());
        Assert.Equal("app\n", s.Out.Text);
    }
}
