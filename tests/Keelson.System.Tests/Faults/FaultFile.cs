// What tests/Keelson.Faults/faults.c and a test say to each other: a file that both map. Its layout is pinned here and there.
using System.IO.MemoryMappedFiles;
using System.Text;

namespace Keelson.SystemTests.Faults;

/// <summary>A place in process number 1 from which libc is called, as it was met in a run.</summary>
/// <param name="Hash">Its name, for as long as the binary is the same.</param>
/// <param name="Function">Of libc.</param>
/// <param name="Calls">How often it was passed, by <see cref="Phase"/>.</param>
/// <param name="Second">The second argument of the first call.</param>
/// <param name="Third">The third one.</param>
/// <param name="Frames">The return addresses of the managed code, innermost first.</param>
internal sealed record MetSite(ulong Hash, string Function, uint[] Calls, uint Second, uint Third, ulong[] Frames);

/// <summary>What a run is about.</summary>
internal enum Phase
{
    Boot,
    Run,
    Stop,
}

internal sealed class FaultFile : IDisposable
{
    /// <summary>Where it is in the container.</summary>
    internal const string Path = "/opt/keelson/faults";

    private const int Frames = 24;
    private const int Phases = 4;
    private const int Header = 48;
    private const int NameSize = 48;
    private const int SiteSize = 8 + NameSize + Phases * 4 + 8 + Frames * 8;
    private const int Sites = 4096;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    /// <param name="path">The file as the host has it.</param>
    /// <param name="depth">How many callers tell one site from another.</param>
    internal FaultFile(string path, int depth)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, Header + SiteSize * Sites);
        _view = _file.CreateViewAccessor();
        _view.Write(4, depth);
    }

    /// <summary>What the container is doing, as far as the test has come.</summary>
    internal Phase Phase
    {
        set => _view.Write(0, (int)value);
    }

    /// <summary>How often the call has failed.</summary>
    internal int Hits => _view.ReadInt32(28);

    /// <summary>How many calls of libc process number 1 has made.</summary>
    internal long Calls => _view.ReadInt64(40);

    /// <summary>Makes calls from a site fail in a phase, so many times at most.</summary>
    internal void Arm(ulong site, int error, Phase phase, int times)
    {
        _view.Write(16, error);
        _view.Write(20, (int)phase);
        _view.Write(24, times);
        _view.Write(8, site);
    }

    /// <summary>What has failed so far works again.</summary>
    internal void Mend() => _view.Write(24, 0);

    internal List<MetSite> Met()
    {
        int count = _view.ReadInt32(32);
        if (_view.ReadInt32(36) != 0)
            throw new InvalidOperationException("more call sites than the file has room for: raise SITES of faults.c, and Sites here");
        var all = new List<MetSite>();
        for (long at = Header; count > 0; count--, at += SiteSize)
        {
            var name = new byte[NameSize];
            _view.ReadArray(at + 8, name, 0, name.Length);
            var calls = new uint[Phases];
            _view.ReadArray(at + 8 + NameSize, calls, 0, Phases);
            var frames = new ulong[Frames];
            _view.ReadArray(at + 16 + NameSize + Phases * 4, frames, 0, Frames);
            all.Add(new MetSite(_view.ReadUInt64(at), Encoding.ASCII.GetString(name).TrimEnd('\0'), calls, _view.ReadUInt32(at + 8 + NameSize + Phases * 4), _view.ReadUInt32(at + 12 + NameSize + Phases * 4), [.. frames.TakeWhile(f => f != 0)]));
        }
        return all;
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
