namespace Keelson.Image.Tests.Pages;

/// <summary>
/// Every block of code in README.md, docs and examples is executed. The pages are shared out among classes, which run side by
/// side. KEELSON_PAGE=docs/ssh.md is this page alone.
/// </summary>
public abstract class PagesTests
{
    private const int Shares = 4;

    protected static TheoryData<string> Share(int share)
    {
        string? only = Environment.GetEnvironmentVariable("KEELSON_PAGE");
        return new(Page.Executed.Where((path, i) => only is null ? i % Shares == share : path == only && share == 0));
    }

    protected static void Execute(string path)
    {
        Page page = Page.Read(path);
        Assert.True(page.Errors.Count == 0, string.Join('\n', page.Errors));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using (var run = new PageRun())
            run.All(page);
        string reasons = string.Join("; ", page.Blocks.Where(b => !b.Runs).GroupBy(b => b["not run"]).Select(g => $"{g.Count()} not: {g.Key}"));
        Docker.Figure($"{path}: {page.Blocks.Count(b => b.Runs)} blocks run in {clock.Elapsed.TotalSeconds:0} s{(reasons == "" ? "" : "; ")}{reasons}");
    }
}

public sealed class FirstPagesTests : PagesTests
{
    public static TheoryData<string> Pages => Share(0);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_block_of_the_page_does_what_the_page_says(string path) => Execute(path);
}

public sealed class SecondPagesTests : PagesTests
{
    public static TheoryData<string> Pages => Share(1);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pages))]
    public void Every_block_of_the_page_does_what_the_page_says(string path) => Execute(path);
}

public sealed class ThirdPagesTests : PagesTests
{
    public static TheoryData<string> Pages => Share(2);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pages))]
    public void Every_block_of_the_page_does_what_the_page_says(string path) => Execute(path);
}

public sealed class FourthPagesTests : PagesTests
{
    public static TheoryData<string> Pages => Share(3);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pages))]
    public void Every_block_of_the_page_does_what_the_page_says(string path) => Execute(path);
}
