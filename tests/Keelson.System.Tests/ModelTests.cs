using System.Collections.Concurrent;
using CsCheck;
using Keelson.Supervision;
using Keelson.SystemTests.Harness;
using Machine = Keelson.Supervision.Machine;

namespace Keelson.SystemTests;

/// <summary>The pure machine and the real supervisor with real processes, driven by the same random sequences, agree.</summary>
public sealed class ModelTests
{
    // Commands, and D: the process dies.
    private static readonly string[] s_letters = ["u", "d", "o", "x", "t", "k", "p", "c", "h", "D", "tcu", "pd", "ou", "kd"];

    private static readonly Gen<string> s_steps = Gen.Int[0, s_letters.Length - 1].Select(i => s_letters[i]).Array[1, 5].Select(steps => string.Join(' ', steps));

    /// <summary>A ./run that is `sleep`: it dies of TERM, HUP and KILL, of the first two when it is not stopped.</summary>
    private sealed class Model
    {
        private bool _alive;
        private bool _stopped;
        private bool _dying;

        internal Model() => Settle();

        internal State State { get; private set; } = State.Found(down: false);

        /// <summary>How often ./run was started.</summary>
        internal int Starts { get; private set; }

        internal void Step(string step)
        {
            foreach (char letter in step)
            {
                if (letter == 'D')
                    _dying = _alive && !(_stopped = false);
                else
                    Do(Machine.Command((byte)letter)!.Value);
            }
            Settle();
        }

        private void Do(Event e)
        {
            Supervision.Step step = Machine.On(State, e);
            State = step.State;
            switch (step.Effect)
            {
                case Effect.Prepare:
                    Do(Event.Prepared);
                    break;
                case Effect.StartRun:
                    (_alive, _stopped, _dying) = (true, false, false);
                    Starts++;
                    break;
                case Effect.Stop:
                    _dying = true;
                    Do(Event.TermSent);
                    _stopped &= State.Want == Want.Up;
                    break;
                case Effect.SendHup:
                    _dying = true;
                    break;
                case Effect.SendKill:
                    (_dying, _stopped) = (true, false);
                    break;
                case Effect.SendStop:
                    _stopped = true;
                    Do(Event.StopSent);
                    break;
                case Effect.SendCont:
                    _stopped = false;
                    break;
                case Effect.Sweep:
                    Do(Event.Swept);
                    break;
                case Effect.Clean:
                    Do(Event.Cleaned);
                    break;
                case Effect.StartFinish:
                    Do(Event.FinishEnded);
                    break;
                case Effect.Leave:
                    // Its directory is still there: it comes back.
                    State = State.Found(down: false);
                    break;
                default:
                    break;
            }
        }

        private void Settle()
        {
            for (int i = 0; i < 10; i++)
            {
                if (_alive && _dying && !_stopped)
                {
                    _alive = false;
                    Do(Event.RunEnded);
                }
                if (State.Phase == Phase.Waiting)
                    Do(Event.PaceElapsed);
            }
        }

        public override string ToString() => $"\"{StatusWords.Of(State)}\" after {Starts} starts";
    }

    [Fact]
    public async Task The_machine_and_the_real_supervisor_agree()
    {
        await using Sandbox s = new Sandbox().WithCommands();
        await s.Start();
        await s.WaitUntilWatching();
        int last = 0;
        var failures = new ConcurrentQueue<string>();
        // One round without shrinking: a sequence takes seconds, because real services are restarted once a second.
        string[] sequences = new string[48];
        int filled = 0;
        s_steps.Sample(steps =>
        {
            int i = Interlocked.Increment(ref filled) - 1;
            if (i < sequences.Length)
                sequences[i] = steps;
        }, iter: sequences.Length, threads: 1);
        await Parallel.ForEachAsync(sequences, new ParallelOptions { MaxDegreeOfParallelism = 12 }, async (steps, _) =>
        {
            if (await Disagreement(s, $"m{Interlocked.Increment(ref last)}", steps) is { } failure)
                failures.Enqueue(failure);
        });
        Assert.True(failures.IsEmpty, string.Join('\n', failures));
    }

    private static async Task<string?> Disagreement(Sandbox s, string name, string steps)
    {
        s.Script($"/root/{name}/run", $"echo >>/root/{name}.starts; exec sleep 1{name[1..]}");
        Directory.Move(s.HostPath($"/root/{name}"), s.HostPath($"/etc/service/{name}"));
        var model = new Model();
        string done = "";
        if (await Differs(s, name, model) is { } first)
            return $"{name}: at the start: {first}";
        foreach (string step in steps.Split(' '))
        {
            done += step + " ";
            if (step == "D")
            {
                string pid = s.PidFile(name).Trim();
                if (s.Processes.FirstOrDefault(p => Shell.Format(p.Pid) == pid && pid.Length > 0) is { } process)
                    Sandbox.Signal(process.HostPid, Sig.Kill);
            }
            else
            {
                await s.Control(name, step);
            }
            model.Step(step);
            if (await Differs(s, name, model) is { } difference)
                return $"{name}: after {done}of {steps}: {difference}";
        }
        // Whatever has happened, sv is in command.
        foreach (string order in new[] { "start", "stop" })
        {
            (int status, string said) = await s.OurSv($"{order} {name}");
            if (status != 0)
                return $"{name}: after {steps}: sv {order} ended with {status}: {said}";
        }
        return null;
    }

    private static async Task<string?> Differs(Sandbox s, string name, Model model)
    {
        string Real() => $"\"{s.Stat(name)}\" after {s.Read($"/root/{name}.starts").Length} starts";
        try
        {
            await s.Until(() => Real() == model.ToString(), "");
            return null;
        }
        catch (Xunit.Sdk.XunitException)
        {
            return $"the machine says {model}, the supervisor {Real()}";
        }
    }
}
