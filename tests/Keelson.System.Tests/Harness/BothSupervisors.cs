using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace Keelson.SystemTests.Harness;

/// <summary>The test runs under Debian's runit and under Keelson.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BothSupervisorsAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new([new TheoryDataRow<Supervisor>(Supervisor.Runit), new TheoryDataRow<Supervisor>(Supervisor.Keelson)]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
