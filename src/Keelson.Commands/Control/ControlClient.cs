// The other end of process number 1's control socket (ControlMessage).
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Control;

/// <summary>What became of a question.</summary>
public enum Answer
{
    /// <summary>All lines came.</summary>
    Complete,

    /// <summary>Nobody listens.</summary>
    Nobody,

    /// <summary>It was refused, or broke off; the reason is said.</summary>
    Failed,
}

public static class ControlClient
{
    private const long PatienceMilliseconds = 5000;

    /// <summary>Asks, and hands over the fields of each line of the answer as it comes.</summary>
    /// <param name="request">What to ask for; an answer to Follow never ends by itself.</param>
    /// <param name="line">Gets the fields; false: enough.</param>
    /// <param name="problem">Why it failed.</param>
    public static Answer Ask(ControlRequest request, Func<string[], bool> line, out string problem)
    {
        long deadline = Clock.Milliseconds + PatienceMilliseconds;
        Result<Connection?> connection = Connection.ToUnix(ControlMessage.Path, deadline);
        if (connection.Value is null && connection.Error != Errno.Access)
        {
            Result<Connection?> abstractly = Connection.ToUnix(UnixAddress.OfInit(ControlMessage.Purpose).Value.Span, deadline);
            if (abstractly.Value is not null)
                connection = abstractly;
        }
        problem = "";
        if (connection.Value is null)
        {
            if (connection.Error is Errno.NoEntry or Errno.ConnectionRefused or Errno.NotDirectory)
                return Answer.Nobody;
            problem = connection.Error == Errno.Access ? "only root and members of the group keelson may ask" : connection.Error.Words();
            return Answer.Failed;
        }
        Answer answer = Converse(connection.Value, request, line, deadline, ref problem);
        connection.Value.Close();
        return answer;
    }

    private static Answer Converse(Connection connection, ControlRequest request, Func<string[], bool> line, long deadline, ref string problem)
    {
        Errno error = connection.Send([.. ControlMessage.Word(request), (byte)'\n'], deadline);
        var buffer = new byte[16 * 1024];
        int length = 0;
        while (error == Errno.None)
        {
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            Result<int> n = connection.Receive(buffer.AsSpan(length), request == ControlRequest.Follow ? long.MaxValue / 2 : deadline);
            error = n.Error;
            if (!n.Ok || n.Value == 0)
                break;
            length += n.Value;
            int begin = 0;
            for (int newline; (newline = buffer.AsSpan(begin, length - begin).IndexOf((byte)'\n')) >= 0; begin += newline + 1)
            {
                string[] fields = ControlMessage.Fields(Encoding.UTF8.GetString(buffer.AsSpan(begin, newline)));
                if (fields[0] == "end")
                    return Answer.Complete;
                if (fields[0] == ControlMessage.ErrorWord)
                {
                    problem = fields.Length > 1 ? fields[1] : "refused";
                    return Answer.Failed;
                }
                if (!line(fields))
                    return Answer.Complete;
            }
            buffer.AsSpan(begin, length - begin).CopyTo(buffer);
            length -= begin;
        }
        problem = error == Errno.None ? "process 1 broke off its answer" : error.Words();
        return Answer.Failed;
    }

    /// <summary>The line for standard error when there was no answer.</summary>
    public static string Complaint(string command, Answer answer, string problem) => answer == Answer.Nobody
        ? $"{command}: nobody answers at {Encoding.UTF8.GetString(ControlMessage.Path)}: process 1 is {Processes.NameOf(1)}; only my_init of this version can be asked"
        : $"{command}: {problem}";
}
