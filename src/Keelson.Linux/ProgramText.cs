using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>The pages of this program's own file.</summary>
public static unsafe class ProgramText
{
    /// <summary>
    /// Gives back the pages of code and constants that are mapped (madvise(2), MADV_DONTNEED): the kernel keeps the file in
    /// its cache and maps again what is used, so it costs a few page faults, and what only the start needed no longer counts
    /// as ours. Only segments that can't be written: they are as the file has them.
    /// </summary>
    public static void GiveBack()
    {
        const nuint programHeaders = 3, count = 5, pageSize = 6; // AT_PHDR, AT_PHNUM, AT_PAGESZ of getauxval(3)
        const uint load = 1, write = 2;
        const int dontNeed = 4;
        nuint page = Libc.getauxval(pageSize);
        var header = (ProgramHeader*)Libc.getauxval(programHeaders);
        if (header is null)
            return;
        // The first segment holds the headers themselves: it is where the file was loaded, and one page.
        for (nuint left = Libc.getauxval(count); left > 0; left--, header++)
        {
            if (header->Type != load || (header->Flags & write) != 0 || header->Offset == 0)
                continue;
            nuint start = header->Address & ~(page - 1);
            // Not a static program at a fixed address: the addresses of the file are not those in memory.
            if (!IsHere(start))
                return;
            _ = Libc.madvise((void*)start, header->Address + header->MemorySize - start, dontNeed);
        }
    }

    /// <summary>Whether something of ours is mapped there (mincore(2) refuses what is not).</summary>
    private static bool IsHere(nuint page)
    {
        byte vector = 0;
        return Libc.mincore((void*)page, 1, &vector) == 0;
    }

    /// <summary>Elf64_Phdr of elf(5).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ProgramHeader
    {
        public uint Type;
        public uint Flags;
        public nuint Offset;
        public nuint Address;
        public nuint PhysicalAddress;
        public nuint FileSize;
        public nuint MemorySize;
        public nuint Alignment;
    }
}
