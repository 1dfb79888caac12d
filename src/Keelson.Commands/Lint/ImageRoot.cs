// Files of an image that need not be the one we run in: a link to /usr/bin/dash means the file below its root.
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>An image's files.</summary>
/// <param name="directory">What is / in the image; "" for our own.</param>
/// <param name="isKnown">False: what belongs to no image. Its links lead where they lead here, and nothing is known of the rest.</param>
public sealed class ImageRoot(ByteString directory, bool isKnown = true)
{
    private const int MostLinks = 40;

    /// <summary>It has a shell: a file that is not there is not there. Otherwise it is a part of an image, and nothing is known of the rest.</summary>
    public bool IsWhole => isKnown && Resolve("/bin/sh"u8) is not null;

    /// <summary>A path of the image as a path here, with no link at its end; null when nothing is there.</summary>
    public ByteString? Resolve(ReadOnlySpan<byte> inside)
    {
        int links = 0;
        var pending = new Stack<ByteString>();
        Push(pending, inside);
        var walked = new List<ByteString>();
        while (pending.TryPop(out ByteString part))
        {
            if (part.Is(".."u8))
            {
                if (walked.Count > 0)
                    walked.RemoveAt(walked.Count - 1);
                continue;
            }
            walked.Add(part);
            Result<ByteString> link = Files.ReadLink(Join(walked).Span);
            if (!link.Ok)
                continue;
            if (++links > MostLinks)
                return null;
            walked.RemoveAt(walked.Count - 1);
            if (link.Value.Span.StartsWith("/"u8))
                walked.Clear();
            Push(pending, link.Value.Span);
        }
        ByteString path = Join(walked);
        return Files.Status(path.Span).Ok ? path : null;
    }

    /// <summary>Where a path of here leads in the end; null when nothing is there.</summary>
    public ByteString? Follow(ByteString path)
    {
        // Directories on the way may be links too.
        if (isKnown && path.Span.StartsWith(directory.Span) && path.Span[directory.Length..].StartsWith("/"u8))
            return Resolve(path.Span[directory.Length..]);
        for (int links = 0; links < MostLinks; links++)
        {
            Result<ByteString> link = Files.ReadLink(path.Span);
            if (!link.Ok)
                return Files.Status(path.Span).Ok ? path : null;
            if (link.Value.Span.StartsWith("/"u8))
                return Resolve(link.Value.Span);
            int slash = path.Span.LastIndexOf((byte)'/');
            path = slash < 0 ? link.Value : ByteString.Join(path.Span[..(slash + 1)], link.Value.Span);
        }
        return null;
    }

    private static void Push(Stack<ByteString> pending, ReadOnlySpan<byte> path)
    {
        while (!path.IsEmpty)
        {
            int slash = path.LastIndexOf((byte)'/');
            ReadOnlySpan<byte> part = path[(slash + 1)..];
            if (!part.IsEmpty && !part.SequenceEqual("."u8))
                pending.Push(new ByteString(part));
            path = slash < 0 ? default : path[..slash];
        }
    }

    private ByteString Join(List<ByteString> parts)
    {
        var path = new ByteBuilder();
        path.Append(directory.Span);
        foreach (ByteString part in parts)
        {
            path.Append((byte)'/');
            path.Append(part.Span);
        }
        if (parts.Count == 0)
            path.Append((byte)'/');
        return new ByteString(path.ToArray());
    }
}
