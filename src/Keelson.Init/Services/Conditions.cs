using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

/// <summary>Whether the conditions of a service.conf hold now (systemd.unit(5), "Conditions and Asserts").</summary>
internal static class Conditions
{
    /// <summary>The first condition that does not hold, as the file has it; null when all do.</summary>
    internal static string? FirstUnmet(ServiceConf conf, IReadOnlyList<ByteString> environment)
    {
        foreach (ServiceCondition condition in conf.Conditions)
        {
            bool holds = condition.Kind == ConditionKind.Environment ? HasVariable(condition.Value, environment) : IsUser(condition.Value);
            if (holds == condition.Negated)
                return $"Condition{condition.Kind}={(condition.Negated ? "!" : "")}{condition.Value}";
        }
        return null;
    }

    private static bool HasVariable(string value, IReadOnlyList<ByteString> environment)
    {
        int equals = value.IndexOf('=');
        ByteString name = ByteString.Of((equals < 0 ? value : value[..equals]) + "=");
        return EnvironmentList.Value(environment, name.Span) is { } found && (equals < 0 || found == ByteString.Of(value[(equals + 1)..]));
    }

    private static bool IsUser(string value)
    {
        uint me = Processes.UserId;
        // Without the file /etc/passwd root is root all the same.
        return value is "root" or "0" ? me == 0 : Users.Find(ByteString.Of(value).Span)?.Id == me;
    }
}
