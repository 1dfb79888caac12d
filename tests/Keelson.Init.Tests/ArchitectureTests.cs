using System.Reflection;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Tests;

public sealed class ArchitectureTests
{
    private static string[] OtherThanTheRuntime(Assembly assembly) =>
        [.. assembly.GetReferencedAssemblies().Select(r => r.Name!).Where(n => !n.StartsWith("System.", StringComparison.Ordinal)).Order()];

    [Fact]
    public void Linux_and_supervision_reference_nothing_and_init_only_those_two()
    {
        Assert.Empty(OtherThanTheRuntime(typeof(Errno).Assembly));
        Assert.Empty(OtherThanTheRuntime(typeof(Machine).Assembly));
        Assert.Equal(["Keelson.Linux", "Keelson.Supervision"], OtherThanTheRuntime(typeof(EventLoop).Assembly));
    }

    [Fact]
    public void Supervision_makes_no_system_call_and_reads_no_clock()
    {
        string[] allowed = ["System.Runtime", "System.Collections", "System.Runtime.InteropServices", "System.Memory"];
        Assert.Empty(typeof(Machine).Assembly.GetReferencedAssemblies().Select(r => r.Name!).Except(allowed));
    }

    [Theory]
    [InlineData("System.Console")]
    [InlineData("System.Diagnostics.Process")]
    [InlineData("System.Linq")]
    [InlineData("System.Threading.ThreadPool")]
    [InlineData("System.Text.Json")]
    public void What_process_1_must_not_use_is_not_even_referenced(string assembly)
    {
        foreach (Assembly ours in new[] { typeof(Errno).Assembly, typeof(Machine).Assembly, typeof(EventLoop).Assembly })
            Assert.DoesNotContain(assembly, ours.GetReferencedAssemblies().Select(r => r.Name));
    }
}
