// supervise/status: 20 bytes that runsv(8) writes and sv(8) reads. The one format of both sides: the supervisor in PID 1
// writes it, sv reads it, and each works with runit's other half.
using System.Buffers.Binary;

namespace Keelson.Supervision;

/// <summary>What runs of a service, as byte 19 of its status says it.</summary>
public enum RunState
{
    Down = 0,
    Run = 1,
    Finish = 2,
}

/// <summary>The status of a service since its state last changed.</summary>
public struct ServiceStatus
{
    /// <summary>Bytes of the record.</summary>
    public const int Size = 20;

    /// <summary>The TAI64 label of 1970: its seconds count from 2^62, 10 of them before Unix time does.</summary>
    private const ulong Epoch = (1UL << 62) + 10;

    /// <summary>When the state began: Unix time in seconds.</summary>
    public long Seconds { get; set; }

    /// <summary>The rest of <see cref="Seconds"/>, below 10^9.</summary>
    public uint Nanoseconds { get; set; }

    /// <summary>The process of ./run or ./finish; 0 when there is none.</summary>
    public int Pid { get; set; }

    /// <summary>Whether ./run was sent STOP by command.</summary>
    public bool Paused { get; set; }

    /// <summary>What is wanted. The record has no word of its own for <see cref="Want.Exit"/>: it is written, and read back, as down.</summary>
    public Want Want { get; set; }

    /// <summary>Whether ./run was sent TERM by command.</summary>
    public bool GotTerm { get; set; }

    public RunState State { get; set; }

    /// <summary>Reads the first 20 bytes; the default, a service that is down since 1970, when there are fewer.</summary>
    public static ServiceStatus Parse(ReadOnlySpan<byte> record)
    {
        if (record.Length < Size)
            return default;
        return new ServiceStatus
        {
            Seconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(record) - Epoch),
            Nanoseconds = BinaryPrimitives.ReadUInt32BigEndian(record[8..]),
            Pid = BinaryPrimitives.ReadInt32LittleEndian(record[12..]),
            Paused = record[16] != 0,
            Want = record[17] == 'u' ? Want.Up : Want.Down,
            GotTerm = record[18] != 0,
            State = (RunState)record[19],
        };
    }

    /// <summary>Writes the first 20 bytes of <paramref name="record"/>.</summary>
    public readonly void Format(Span<byte> record)
    {
        BinaryPrimitives.WriteUInt64BigEndian(record, (ulong)Seconds + Epoch);
        BinaryPrimitives.WriteUInt32BigEndian(record[8..], Nanoseconds);
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], Pid);
        record[16] = Paused ? (byte)1 : (byte)0;
        record[17] = Want == Want.Up ? (byte)'u' : (byte)'d';
        record[18] = GotTerm ? (byte)1 : (byte)0;
        record[19] = (byte)State;
    }

    /// <summary>
    /// The status in sv's words: `run: web: (pid 7) 12s, want down, got TERM`, without an end of line.
    /// </summary>
    /// <param name="name">What the service is called.</param>
    /// <param name="now">Unix time in seconds; a clock that was set back gives 0 s, not less.</param>
    /// <param name="normallyUp">Whether it has no file named down.</param>
    public readonly string Describe(string name, long now, bool normallyUp)
    {
        string state = State switch { RunState.Down => "down: ", RunState.Run => "run: ", RunState.Finish => "finish: ", _ => "" };
        string pid = State == RunState.Down ? "" : $"(pid {Pid}) ";
        string usual = Pid == 0 && normallyUp ? ", normally up" : Pid != 0 && !normallyUp ? ", normally down" : "";
        string paused = Pid != 0 && Paused ? ", paused" : "";
        string want = Pid == 0 && Want == Want.Up ? ", want up" : Pid != 0 && Want != Want.Up ? ", want down" : "";
        string term = Pid != 0 && GotTerm ? ", got TERM" : "";
        return $"{state}{name}: {pid}{Math.Max(0, now - Seconds)}s{usual}{paused}{want}{term}";
    }
}
