using System.Text;
using Keelson.Commands.Sv;
using Keelson.Supervision;

namespace Keelson.Commands.Tests;

/// <summary>
/// What sv of runit 2.1.2 sent, and when it said ok, over status records that were laid before it: recorded with a
/// supervise/ directory whose FIFOs a script held open.
/// </summary>
public sealed class SvActionTests
{
    private static readonly (long, uint) s_since = (1000, 500);

    /// <summary>The columns of the table below.</summary>
    private static readonly ServiceStatus[] s_statuses =
    [
        Record(5, 'u', RunState.Run),
        Record(0, 'd', RunState.Down),
        Record(5, 'd', RunState.Run, term: true),
        Record(5, 'd', RunState.Run),
        Record(5, 'u', RunState.Run, paused: true),
        Record(5, 'u', RunState.Run, term: true),
        Record(5, 'u', RunState.Finish),
        Record(5, 'd', RunState.Finish),
        Record(0, 'u', RunState.Down),
        Record(5, 'u', RunState.Run, isNew: true),
        Record(0, 'd', RunState.Down, isNew: true),
        Record(0, 'u', RunState.Down, isNew: true),
        Record(5, 'd', RunState.Run, isNew: true),
        Record(5, 'u', RunState.Run, isNew: true, term: true),
    ];

    // ok: o. One difference: runit's sv says ok to down of a service that is down and wanted up, ours waits.
    [Theory]
    [InlineData("up", "o.oooo...o..oo", "- u u u - - - u - - u - u -")]
    [InlineData("down", ".o........o...", "d d - d d d d d d d d d d d")]
    [InlineData("once", "..oo...o..ooo.", "o o o o o o o o o o o o o o")]
    [InlineData("pause", ".o..o...o.oo..", "p p p p p p p p p p p p p p")]
    [InlineData("cont", "oooo.ooooooooo", "c c c c c c c c c c c c c c")]
    [InlineData("hup", "oooooooooooooo", "h h h h h h h h h h h h h h")]
    [InlineData("alarm", "oooooooooooooo", "a a a a a a a a a a a a a a")]
    [InlineData("interrupt", "oooooooooooooo", "i i i i i i i i i i i i i i")]
    [InlineData("quit", "oooooooooooooo", "q q q q q q q q q q q q q q")]
    [InlineData("1", "oooooooooooooo", "1 1 1 1 1 1 1 1 1 1 1 1 1 1")]
    [InlineData("2", "oooooooooooooo", "2 2 2 2 2 2 2 2 2 2 2 2 2 2")]
    [InlineData("term", ".o.......oo.o.", "t t t t t t t t t t t t t t")]
    [InlineData("kill", ".o.......oo.o.", "k k k k k k k k k k k k k k")]
    [InlineData("exit", "..............", "x x x x x x x x x x x x x x")]
    [InlineData("start", "o.oooo...o..oo", "- u u u - - - u - - u - u -")]
    [InlineData("stop", ".o........o...", "d d - d d d d d d d d d d d")]
    [InlineData("restart", ".........o..o.", "tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu")]
    [InlineData("reload", "oooooooooooooo", "h h h h h h h h h h h h h h")]
    [InlineData("try-restart", ".o.......oo.o.", "tc tc tc tc tc tc tc tc tc tc tc tc tc tc")]
    [InlineData("shutdown", "..............", "x x x x x x x x x x x x x x")]
    [InlineData("check", "oooooooooooooo", "- - - - - - - - - - - - - -")]
    [InlineData("force-stop", ".o........o...", "d d - d d d d d d d d d d d")]
    [InlineData("force-reload", ".o.......oo.o.", "tc tc tc tc tc tc tc tc tc tc tc tc tc tc")]
    [InlineData("force-restart", ".........o..o.", "tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu tcu")]
    [InlineData("force-shutdown", "..............", "x x x x x x x x x x x x x x")]
    [InlineData("x", "..............", "x x x x x x x x x x x x x x")]
    [InlineData("chec", "oooo.ooooooooo", "c c c c c c c c c c c c c c")]
    [InlineData("try", ".o.......oo.o.", "t t t t t t t t t t t t t t")]
    public void What_is_sent_and_when_it_has_taken_effect_is_as_runit_has_it(string command, string done, string sent)
    {
        SvAction action = Find(command)!.Value;
        Assert.Equal(done, string.Concat(s_statuses.Select(s => action.IsDone(s, s_since) ? 'o' : '.')));
        Assert.Equal(sent, string.Join(' ', s_statuses.Select(s => action.IsWantedAlready(s) || action.Control.Length == 0 ? "-" : action.Control)));
    }

    [Theory]
    [InlineData("start", true)]
    [InlineData("restart", true)]
    [InlineData("check", true)]
    [InlineData("term", true)]
    [InlineData("cont", false)]
    [InlineData("once", false)]
    public void The_check_has_the_last_word_on_what_runs_and_none_on_what_does_not(string command, bool asked)
    {
        Assert.Equal(asked, Find(command)!.Value.AsksCheck(s_statuses[0]));
        Assert.False(Find(command)!.Value.AsksCheck(s_statuses[1]));
    }

    [Theory]
    [InlineData("start", "u", true, false)]
    [InlineData("force-stop", "d", true, true)]
    [InlineData("D", "d", true, true)]
    [InlineData("T", "tc", true, true)]
    [InlineData("X", "x", true, true)]
    [InlineData("E", "x", true, true)]
    [InlineData("downward", "d", false, false)]
    [InlineData("exit", "x", false, false)]
    public void Some_words_count_as_a_whole_and_of_the_others_the_first_letter(string command, string control, bool waits, bool kills) =>
        Assert.Equal(new SvAction(control, waits, kills), Find(command));

    [Theory]
    [InlineData("s")]
    [InlineData("startx")]
    [InlineData("statusquo")]
    public void What_begins_as_status_does_is_status_but_not_to_an_init_script(string command)
    {
        Assert.True(Find(command)!.Value.IsStatus);
        Assert.Null(SvAction.Find(Encoding.ASCII.GetBytes(command), initScript: true));
    }

    [Theory]
    [InlineData("")]
    [InlineData("zork")]
    [InlineData("reloa")]
    [InlineData("force")]
    [InlineData("Start")]
    [InlineData("3")]
    public void What_is_no_command_is_none(string command) => Assert.Null(Find(command));

    private static SvAction? Find(string command) => SvAction.Find(Encoding.ASCII.GetBytes(command), initScript: false);

    private static ServiceStatus Record(int pid, char want, RunState state, bool paused = false, bool term = false, bool isNew = false) => new()
    {
        Seconds = 1000,
        Nanoseconds = isNew ? 500u : 499u,
        Pid = pid,
        Paused = paused,
        Want = want == 'u' ? Want.Up : Want.Down,
        GotTerm = term,
        State = state,
    };
}
