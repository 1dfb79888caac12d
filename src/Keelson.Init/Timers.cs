namespace Keelson.Init;

/// <summary>Something to be done once, later. Armed again it moves.</summary>
public sealed class Timer(Action elapsed)
{
    internal long Due;
    internal int Index = -1;

    public bool Armed => Index >= 0;

    internal void Elapsed() => elapsed();
}

/// <summary>All timers of the loop: a binary heap in which each timer knows its place, so that cancelling is cheap.</summary>
public sealed class Timers
{
    private readonly List<Timer> _heap = [];

    /// <summary>When the next one is due; null when none is armed.</summary>
    public long? Next => _heap.Count > 0 ? _heap[0].Due : null;

    public void Arm(Timer timer, long due)
    {
        Cancel(timer);
        timer.Due = due;
        timer.Index = _heap.Count;
        _heap.Add(timer);
        Up(timer.Index);
    }

    public void Cancel(Timer timer)
    {
        int hole = timer.Index;
        if (hole < 0)
            return;
        timer.Index = -1;
        Timer last = _heap[^1];
        _heap.RemoveAt(_heap.Count - 1);
        if (last == timer)
            return;
        Place(last, hole);
        Up(hole);
        Down(last.Index);
    }

    /// <summary>Lets every timer that is due at <paramref name="now"/> elapse, in order. One armed meanwhile waits for the next round.</summary>
    public void Run(long now)
    {
        for (int round = _heap.Count; round > 0 && _heap.Count > 0 && _heap[0].Due <= now; round--)
        {
            Timer timer = _heap[0];
            Cancel(timer);
            timer.Elapsed();
        }
    }

    private void Place(Timer timer, int index)
    {
        _heap[index] = timer;
        timer.Index = index;
    }

    private void Up(int index)
    {
        while (index > 0 && _heap[(index - 1) / 2].Due > _heap[index].Due)
        {
            Swap(index, (index - 1) / 2);
            index = (index - 1) / 2;
        }
    }

    private void Down(int index)
    {
        while (true)
        {
            int child = 2 * index + 1;
            if (child >= _heap.Count)
                return;
            if (child + 1 < _heap.Count && _heap[child + 1].Due < _heap[child].Due)
                child++;
            if (_heap[child].Due >= _heap[index].Due)
                return;
            Swap(index, child);
            index = child;
        }
    }

    private void Swap(int a, int b)
    {
        Timer t = _heap[a];
        Place(_heap[b], a);
        Place(t, b);
    }
}
