using Keelson.Supervision;

namespace Keelson.Fuzz;

/// <summary>EnvironmentFile=: what is found could be a variable, and written out in quotes it is found again.</summary>
internal sealed class EnvironmentFileTarget : Target
{
    internal override string Name => "environment-file";
    internal override int MaxLength => 256;
    internal override IEnumerable<string> Words => ["A=", "\\\n", "\\\"", "'", "\"", "#", ";", "\uFEFF", "export "];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        var complaints = new List<string>();
        List<byte[]> found = EnvironmentFile.Parse(input, complaints);
        Assert.All(complaints, c => Assert.Matches("^line [1-9][0-9]*: ", c));
        var again = new List<byte>();
        foreach (byte[] variable in found)
        {
            Assert.Matches("^[A-Za-z_][A-Za-z0-9_]*=[^\0]*$", Text(variable));
            int equals = Array.IndexOf(variable, (byte)'=');
            again.AddRange(variable[..(equals + 1)]);
            again.Add((byte)'"');
            foreach (byte b in variable[(equals + 1)..])
            {
                if (b is (byte)'"' or (byte)'\\')
                    again.Add((byte)'\\');
                again.Add(b);
            }
            again.AddRange("\"\n"u8);
        }
        complaints.Clear();
        Assert.Equal(found, EnvironmentFile.Parse([.. again], complaints));
        Assert.Empty(complaints);
    }
}
