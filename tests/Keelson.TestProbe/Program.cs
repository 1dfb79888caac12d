// What the tests of level 2 need inside the namespace and no shell can do fast or exactly enough.
//
//   keelson-probe sink N      says "ready", then takes every signal by signalfd. Real-time signals carry a number below N:
//                             when N have come it says "rt N distinct D". A standard signal is acknowledged by one dot.
//                             TERM ends it: "end rt R distinct D others O".
//   keelson-probe orphans N   forks N grandchildren, each of which lives until its parent is gone; says "made N", then
//                             waits for TERM.
//
// As ./run of a service it is called without arguments, and is `sink 0`. As my_init it is that with a mistake in it
// (Mistakes.cs).
using Keelson.TestProbe;

if (Arguments.At(0).EndsWith("/my_init"u8))
    return Mistakes.Run();
ReadOnlySpan<byte> command = Arguments.At(1);
int count = Arguments.Number(2);
if (command.SequenceEqual("sink"u8) || (command.IsEmpty && Arguments.At(0).EndsWith("/run"u8)))
    return Sink.Run(count);
if (command.SequenceEqual("orphans"u8))
    return Orphans.Run(count);
Output.Line("usage: keelson-probe sink N | orphans N"u8);
return 2;
