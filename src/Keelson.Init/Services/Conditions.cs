using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

/// <summary>Whether the conditions of a service.conf hold now (systemd.unit(5), "Conditions and Asserts").</summary>
internal static class Conditions
{
    /// <summary>The first condition that does not hold, as the file has it, and the cure; null when all do.</summary>
    internal static string? FirstUnmet(ServiceConf conf, IReadOnlyList<ByteString> environment)
    {
        foreach (ServiceCondition condition in conf.Conditions)
        {
            bool holds = condition.Kind switch
            {
                ConditionKind.Environment => HasVariable(condition.Value, environment),
                ConditionKind.User => IsUser(condition.Value),
                ConditionKind.Capability => HasCapability(condition.Value),
                _ => IsReadWrite(condition.Value),
            };
            if (holds == condition.Negated)
                return $"Condition{condition.Kind}={(condition.Negated ? "!" : "")}{condition.Value} in its service.conf does not hold{Cure(condition)}";
        }
        return null;
    }

    /// <summary>For what the operator of a container asked for and may not have meant.</summary>
    private static string Cure(ServiceCondition condition) => (condition.Kind, condition.Negated) switch
    {
        (ConditionKind.User, false) => $"; it takes a container that runs as {condition.Value} (docker run --user {condition.Value})",
        (ConditionKind.Capability, false) => $"; it takes that capability (docker run --cap-add {(condition.Value.StartsWith("CAP_", StringComparison.Ordinal) ? condition.Value[4..] : condition.Value)})",
        (ConditionKind.PathIsReadWrite, false) => $"; mount something there that can be written (docker run --tmpfs {condition.Value})",
        _ => "",
    };

    private static bool HasVariable(string value, IReadOnlyList<ByteString> environment)
    {
        int equals = value.IndexOf('=');
        ByteString name = ByteString.Of((equals < 0 ? value : value[..equals]) + "=");
        return EnvironmentList.Value(environment, name.Span) is { } found && (equals < 0 || found == ByteString.Of(value[(equals + 1)..]));
    }

    private static bool HasCapability(string value) => Capabilities.Number(value) is { } number && (CapabilitySets.Bounding >> number & 1) != 0;

    /// <summary>Who may write there is another question, as with systemd.</summary>
    private static bool IsReadWrite(string path) => Files.CanWrite(ByteString.Of(path).Span) is Errno.None or Errno.Access;

    private static bool IsUser(string value)
    {
        uint me = Processes.UserId;
        // Without the file /etc/passwd root is root all the same.
        return value is "root" or "0" ? me == 0 : Users.Find(ByteString.Of(value).Span)?.Id == me;
    }
}
