namespace Keelson.Image.Tests.Pages;

/// <summary>That a page which is wrong fails, and how it says so.</summary>
public sealed class PageRunTests
{
    private static string? Complaint(string text)
    {
        using var run = new PageRun();
        Page page = Page.Of("page.md", text.Replace("~~~", "```", StringComparison.Ordinal));
        return page.Errors.FirstOrDefault() ?? Record.Exception(() => run.All(page))?.Message;
    }

    [Theory]
    [InlineData("~~~console\n$ echo one; echo 'run: web: (pid 123) 4s'\none\nrun: web: (pid 9) 77s\n~~~")]
    [InlineData("~~~console\n$ printf 'a\\nb\\nc\\n'\na\n...\n$ echo d\nd\n~~~")]
    [InlineData("<!-- file: x/say.sh -->\n~~~sh\n#!/bin/sh\necho 'it says'\n~~~\n<!-- shows: it says -->\n~~~sh\nchmod +x x/say.sh\nx/say.sh >&2\n~~~")]
    [InlineData("<!-- exit status: 3 -->\n~~~sh\nexit 3\n~~~")]
    [InlineData("<!-- not run: it needs a cluster -->\n~~~sh\nexit 3\n~~~")]
    public void A_page_that_is_right_passes(string text) => Assert.Null(Complaint(text));

    [Theory]
    [InlineData("~~~console\n$ echo one\ntwo\n~~~", "prints this")]
    [InlineData("~~~console\n$ echo one; echo two\none\n~~~", "prints this")]
    [InlineData("~~~console\n$ echo 3\n4\n~~~", "prints this")]
    [InlineData("<!-- shows: other -->\n~~~sh\necho one\n~~~", "its output lacks \"other\"")]
    [InlineData("~~~sh\nfalse\ntrue\n~~~", "it ends with 1 instead of 0")]
    [InlineData("~~~sh\nfalse | cat\n~~~", "it ends with 1 instead of 0")]
    [InlineData("~~~sh\ndocker run -d keelson/baseimage:VERSION\n~~~", "the version is ")]
    [InlineData("<!-- not run: -->\n~~~sh\ntrue\n~~~", "there is no marker")]
    [InlineData("<!-- not run: a cluster -->\n~~~sh\nif true\n~~~", "syntax error")]
    [InlineData("~~~yaml\na: b\n~~~", "needs a marker")]
    [InlineData("~~~\nwhat is it\n~~~", "in small letters")]
    [InlineData("Text.\n\n    make run\n", "an indented block")]
    [InlineData("<!-- show: x -->\n~~~sh\ntrue\n~~~", "there is no marker")]
    [InlineData("~~~dockerfile\nRUN exit 9\n~~~", "does not build")]
    public void A_page_that_is_wrong_fails_and_says_why(string text, string complaint) => Assert.Contains(complaint, Complaint(text), StringComparison.Ordinal);
}
