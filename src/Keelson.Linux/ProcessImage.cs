// What the kernel gave this process, byte for byte: .NET's own args and environment went through UTF-8.
namespace Keelson.Linux;

public sealed unsafe class ProcessImage
{
    private readonly byte** _argv;
    private readonly byte** _envp;
    private readonly SignalSet _inheritedMask;
    private readonly bool _pipeWasIgnored;

    private ProcessImage(int argc, byte** argv, byte** envp, ulong inheritedMask, nint inheritedPipe)
    {
        _argv = argv;
        _envp = envp;
        _inheritedMask = new SignalSet(inheritedMask);
        const nint ignore = 1;
        _pipeWasIgnored = inheritedPipe == ignore;
        var arguments = new ByteString[argc];
        for (int i = 0; i < argc; i++)
            arguments[i] = Copy(argv[i]);
        Arguments = arguments;
    }

    /// <summary>All of argv, the program's name first. At least one: an empty argv gets the name keelson.</summary>
    public ByteString[] Arguments { get; }

    /// <summary>The argument of that number, to be written over: all of it but the first <paramref name="kept"/> bytes.</summary>
    public ArgumentText TextOf(int argument, int kept) => new(_argv[argument], Arguments[argument].Length, kept);

    /// <summary>NAME=VALUE strings as they are, the odd ones too.</summary>
    public List<ByteString> Environment
    {
        get
        {
            var all = new List<ByteString>();
            for (byte** e = _envp; e != null && *e != null; e++)
                all.Add(Copy(*e));
            return all;
        }
    }

    /// <summary>Whether the mask stood before the runtime started; if not, signals can be lost (see EarlyMask.cs).</summary>
    public static bool SignalsAreBlocked => Signals.Mask.Contains(SignalSet.Blockable);

    /// <summary>From what main was given; where the early hook did not run, from /proc/self.</summary>
    public static ProcessImage Take(int argc, byte** argv, byte** envp, ulong inheritedMask, nint inheritedPipe)
    {
        if (argv == null || argc == 0)
        {
            argv = Strings(Files.ReadAll("/proc/self/cmdline"u8, 64 * 1024 * 1024).Value, out argc);
            envp = Strings(Files.ReadAll("/proc/self/environ"u8, 64 * 1024 * 1024).Value, out _);
        }
        if (argc == 0)
            argv = Strings("keelson\0"u8, out argc);
        return new ProcessImage(argc, argv, envp, inheritedMask, inheritedPipe);
    }

    /// <summary>
    /// Blocks the signals and starts this program again in place, so that its runtime starts with the mask. Returns only
    /// when it can't. <paramref name="mark"/> is put into the environment, that the new one knows not to try again.
    /// </summary>
    public Errno StartAgainWithSignalsBlocked(ReadOnlySpan<byte> mark)
    {
        Signals.Mask = SignalSet.Blockable;
        List<ByteString> marked = Environment;
        marked.Add(new ByteString(mark));
        using var environment = new CStringArray(marked);
        fixed (byte* self = "/proc/self/exe\0"u8)
            return Libc.Check(Libc.execve(self, _argv, environment.Pointer));
    }

    /// <summary>
    /// Becomes another program (execve(2)) with the signal mask, dispositions and limits that this one was started with.
    /// Returns only when it can't. The arguments are those of our own argv from <paramref name="firstArgument"/> on.
    /// </summary>
    public Errno Execute(ReadOnlySpan<byte> path, int firstArgument, IReadOnlyList<ByteString> environment)
    {
        using var exec = new PreparedExec(new ByteString(path), Arguments[firstArgument..], environment);
        GiveBack();
        return exec.Run();
    }

    /// <summary>Gives back what the runtime and the code before it changed of signals and limits. For applets; PID 1 keeps its mask.</summary>
    public void GiveBack()
    {
        Limits.PutBack();
        RestoreSignals();
    }

    /// <summary>The signals alone: for a command that goes on itself, and is to end as others do.</summary>
    public void RestoreSignals()
    {
        if (!_pipeWasIgnored)
            Signals.SetDefault(Signal.Pipe);
        Signals.Mask = _inheritedMask;
    }

    private static ByteString Copy(byte* text) =>
        new(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text).ToArray());

    /// <summary>Splits NUL-ended strings; the memory is kept for the life of the process, as argv's is.</summary>
    private static byte** Strings(ReadOnlySpan<byte> block, out int count)
    {
        count = block.Count((byte)0);
        byte** array = (byte**)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)count + 1, (nuint)sizeof(byte*));
        byte* text = (byte*)System.Runtime.InteropServices.NativeMemory.Alloc((nuint)block.Length + 1);
        block.CopyTo(new Span<byte>(text, block.Length));
        for (int i = 0; i < count; i++)
        {
            array[i] = text;
            while (*text != 0)
                text++;
            text++;
        }
        return array;
    }
}
