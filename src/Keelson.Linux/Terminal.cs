namespace Keelson.Linux;

/// <summary>
/// The terminal on standard input, when it is ours to hand on: our controlling terminal, with our process group in
/// the foreground (tcsetpgrp(3)). Its settings are kept and put back.
/// </summary>
public sealed unsafe class Terminal
{
    private const int SettingsSize = 256;
    private readonly byte[] _settings;
    private readonly int _group;

    private Terminal(byte[] settings, int group)
    {
        _settings = settings;
        _group = group;
    }

    public static Terminal? Find()
    {
        var settings = new byte[SettingsSize];
        fixed (byte* p = settings)
        {
            if (Libc.tcgetattr(Stdio.In, p) < 0)
                return null;
        }
        int group = Libc.getpgrp();
        // As PID 1 of a container our group is 0 to tcgetpgrp when the session was made outside our PID namespace.
        int foreground = Libc.tcgetpgrp(Stdio.In);
        return foreground == group || foreground == 0 && Libc.getpid() == 1 ? new Terminal(settings, group) : null;
    }

    /// <summary>Gives the foreground to a process group of ours.</summary>
    public static Errno GiveTo(int group) => Libc.Check(Libc.tcsetpgrp(Stdio.In, group));

    /// <summary>Takes the foreground back; SIGTTOU is blocked, so this never stops us.</summary>
    public Errno TakeBack() => GiveTo(_group);

    /// <summary>Puts the settings back that were found, whatever a program left behind.</summary>
    public void RestoreSettings()
    {
        const int now = 0;
        fixed (byte* p = _settings)
            _ = Libc.tcsetattr(Stdio.In, now, p);
    }
}
