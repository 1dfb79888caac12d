// A terminal as docker run -t makes one: we hold the master, PID 1 gets the slave as its controlling terminal.
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Keelson.SystemTests.Harness;

public sealed unsafe class Pty : IDisposable
{
    private const nuint SetWindowSize = 0x5414;

    private int _master;
    private readonly Thread _reader;
    private volatile bool _stopped;
    private volatile bool _held;

    public Pty()
    {
        _master = Native.posix_openpt(Native.OpenReadWrite | Native.OpenNoTerminal | Native.OpenCloseOnExec);
        if (_master < 0 || Native.grantpt(_master) != 0 || Native.unlockpt(_master) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "no pseudo-terminal to be had (is devpts mounted on /dev/pts?)");
        byte* name = stackalloc byte[128];
        if (Native.ptsname_r(_master, name, 128) != 0)
            throw new InvalidOperationException("ptsname_r failed");
        SlavePath = Marshal.PtrToStringUTF8((nint)name)!;
        Resize(24, 80);
        _reader = new Thread(Read) { IsBackground = true, Name = "pty " + SlavePath };
        _reader.Start();
    }

    public string SlavePath { get; }

    /// <summary>Nobody reads what is written to the terminal: soon it is full.</summary>
    public bool Held
    {
        get => _held;
        set => _held = value;
    }

    /// <summary>All that was written to the terminal, our own keys included as far as they were echoed.</summary>
    public Capture Screen { get; } = new();

    /// <summary>The foreground process group as the host numbers it; 0 when there is none.</summary>
    public int ForegroundGroup => Native.tcgetpgrp(_master);

    /// <summary>The modes, as tcgetattr has them (struct termios without the padding behind the speeds).</summary>
    public string Modes
    {
        get
        {
            const int size = 60;
            byte* settings = stackalloc byte[256];
            return Native.tcgetattr(_master, settings) == 0 ? Convert.ToHexString(new ReadOnlySpan<byte>(settings, size)) : "none";
        }
    }

    public void Type(string keys)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(keys);
        fixed (byte* p = bytes)
        {
            if (Native.write(_master, p, (nuint)bytes.Length) != bytes.Length)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "the terminal did not take the keys");
        }
    }

    public void Resize(ushort rows, ushort columns)
    {
        ushort* size = stackalloc ushort[4] { rows, columns, 0, 0 };
        if (Native.ioctl(_master, SetWindowSize, size) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "TIOCSWINSZ");
    }

    /// <summary>Waits until what was written before the slave was closed has been read.</summary>
    internal void Finish()
    {
        _stopped = true;
        _reader.Join(TimeSpan.FromSeconds(5));
    }

    private void Read()
    {
        byte* buffer = stackalloc byte[4096];
        while (true)
        {
            if (_held && !_stopped)
            {
                Thread.Sleep(5);
                continue;
            }
            ulong entry = (uint)_master | (ulong)(ushort)Native.PollIn << 32;
            int ready = Native.poll(&entry, 1, 50);
            if (ready > 0)
            {
                nint n = Native.read(_master, buffer, 4096);
                if (n <= 0)
                    return; // EIO: the last slave is closed
                Screen.Add(new ReadOnlySpan<byte>(buffer, (int)n));
            }
            else if (_stopped)
            {
                return;
            }
        }
    }

    /// <summary>The other end goes away, as when a window is closed: a hangup for those on the terminal.</summary>
    public void HangUp()
    {
        Finish();
        if (_master >= 0)
            _ = Native.close(_master);
        _master = -1;
    }

    public void Dispose() => HangUp();
}
