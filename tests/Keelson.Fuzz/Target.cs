using System.Text;

namespace Keelson.Fuzz;

/// <summary>A piece of the product that reads what others wrote, and what must hold of it whatever the bytes.</summary>
internal abstract class Target
{
    /// <summary>What its corpus is called.</summary>
    internal abstract string Name { get; }

    /// <summary>Longer inputs are not made.</summary>
    internal abstract int MaxLength { get; }

    /// <summary>What the format is made of: libFuzzer puts these in.</summary>
    internal abstract IEnumerable<string> Words { get; }

    /// <summary>Throws where a property does not hold.</summary>
    internal abstract void Check(ReadOnlySpan<byte> input);

    internal static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
