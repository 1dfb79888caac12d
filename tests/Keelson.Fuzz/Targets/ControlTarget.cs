using Keelson.Supervision;
using Keelson.Supervision.Tests;

namespace Keelson.Fuzz;

/// <summary>
/// supervise/control: letters as they are written, and between them, as bytes from 128, what happens to the service. It never
/// has two processes, and always still can be brought up, taken down, and made to go.
/// </summary>
internal sealed class ControlTarget : Target
{
    private static readonly Event[] s_facts = [.. Enum.GetValues<Event>().Where(e => e < Event.Up)];

    internal override string Name => "control";
    internal override int MaxLength => 200;
    internal override IEnumerable<string> Words => ["u", "d", "o", "x", "t", "k", "p", "c", "h", "a", "i", "q", "1", "2", "dx", "tc", "kx"];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        var world = new World(down: input.Length % 2 == 1);
        foreach (byte b in input)
        {
            bool wasGone = world.State.Phase == Phase.Gone;
            if (b >= 128)
                world.Offer(s_facts[b % s_facts.Length]);
            else if (Machine.Command(b) is { } command)
                world.Command(command);
            Assert.InRange(world.Processes, 0, 1);
            Assert.True(world.State.Phase is Phase.Run or Phase.Killed || !world.State.GotTerm);
            Assert.True(!wasGone || world.State.Phase == Phase.Gone);
        }
        if (world.State.Phase != Phase.Gone && world.State.Want != Want.Exit)
        {
            world.Command(Machine.Command((byte)'u')!.Value);
            world.Settle();
            Assert.Equal(Phase.Run, world.State.Phase);
            world.Command(Machine.Command((byte)'d')!.Value);
            world.Settle();
            Assert.Equal((Phase.Down, 0), (world.State.Phase, world.Processes));
        }
        world.Command(Machine.Command((byte)'x')!.Value);
        world.Settle();
        Assert.Equal((Phase.Gone, 0), (world.State.Phase, world.Processes));

        // The same letters where there is no FIFO: a datagram.
        if (SuperviseMessage.ReadRequest(input, out (ulong Device, ulong Inode) directory, out ReadOnlySpan<byte> letters) && input.Length <= SuperviseMessage.MaxRequest)
        {
            var again = new byte[SuperviseMessage.MaxRequest];
            Assert.Equal(input, again.AsSpan(0, SuperviseMessage.WriteRequest(again, directory.Device, directory.Inode, letters)));
        }
    }
}
