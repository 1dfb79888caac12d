using CsCheck;

namespace Keelson.Init.Tests;

public sealed class TimersTests
{
    [Fact]
    public void Timers_elapse_in_order_once_and_never_when_cancelled() =>
        Gen.Select(Gen.Int[0, 19], Gen.Long[0, 100], Gen.Bool).Array[0, 200].Sample(operations =>
        {
            var timers = new Timers();
            var due = new Dictionary<int, long>();
            var elapsed = new List<int>();
            Timer[] all = [.. Enumerable.Range(0, 20).Select(i => new Timer(() => elapsed.Add(i)))];
            foreach ((int index, long time, bool arm) in operations)
            {
                if (arm)
                {
                    timers.Arm(all[index], time);
                    due[index] = time;
                }
                else
                {
                    timers.Cancel(all[index]);
                    due.Remove(index);
                }
                Assert.Equal(due.Count == 0 ? null : due.Values.Min(), timers.Next);
            }
            timers.Run(50);
            Assert.Equal(due.Where(d => d.Value <= 50).Select(d => d.Key).Order(), elapsed.Order());
            Assert.Equal(elapsed.Select(i => due[i]).Order(), elapsed.Select(i => due[i]));
            Assert.All(all.Index(), t => Assert.Equal(due.TryGetValue(t.Index, out long d) && d > 50, t.Item.Armed));
        });
}
