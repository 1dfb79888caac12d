using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Keelson.Supervision.Tests;

/// <summary>
/// Files of the corpus, cut, mixed and damaged. KEELSON_FUZZ_SECONDS says for how long, 2 by default; KEELSON_SEED repeats
/// a run. A file that ever did harm is kept in corpus/.
/// </summary>
public sealed class ServiceConfFuzzTests
{
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("KEELSON_FUZZ_SECONDS") ?? "2", CultureInfo.InvariantCulture));
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("KEELSON_SEED") ?? Environment.TickCount.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static readonly byte[][] s_corpus =
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "corpus")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    private static readonly byte[][] s_signs =
        [.. "\\|\"|'|$|${|}|%|%%|~|-|@|+|!|:|;|\\;|=|\n|\r\n|#| |\t|[Service]|[Unit]|\\x|\\u12|99999999999999999999|infinity|.|\0|\uFFFD".Split('|').Select(Encoding.UTF8.GetBytes)];

    private static void Check(byte[] file)
    {
        ServiceConf conf = ServiceConf.Parse(file, "web");
        ExecSettings settings = ExecSettings.Parse(file, "web");
        // What the process would not begin with, process 1 does not start; it knows of all commands.
        Assert.All(settings.Errors, error => Assert.Contains(error, conf.Errors));
        Assert.Equal(conf.HasStart, settings.Commands(ExecKind.Start).Count > 0);
        Assert.Equal(conf.HasHealthCheck, settings.Commands(ExecKind.Health).Count > 0);
        Assert.True(conf.StartTimeoutMilliseconds >= 0 && conf.StopTimeoutMilliseconds is not < 0 && conf.RestartMilliseconds is not < 0 && conf.WatchdogMilliseconds >= 0);
        Assert.All(settings.Limits, l => Assert.True(l.Soft <= l.Hard));
        Assert.All(settings.Environment, e => Assert.Matches("^[A-Za-z_][A-Za-z0-9_]*=[^\0]*$", Encoding.Latin1.GetString(e)));
        foreach (ExecKind kind in Enum.GetValues<ExecKind>())
        {
            foreach (ExecCommand command in settings.Commands(kind))
            {
                Assert.NotEmpty(command.Program);
                Assert.All(command.Arguments(name => name.Length % 2 == 0 ? name : null), a => Assert.DoesNotContain((byte)0, a));
            }
        }
    }

    [Fact]
    public void The_corpus_is_read()
    {
        Assert.True(s_corpus.Length >= 5, $"{s_corpus.Length} files");
        Assert.All(s_corpus, Check);
    }

    [Fact]
    public void Whatever_becomes_of_a_file_it_is_read_and_both_readers_agree()
    {
        var random = new Random(s_seed);
        var watch = Stopwatch.StartNew();
        int count = 0;
        for (; watch.Elapsed < s_time; count++)
        {
            var file = new List<byte>(s_corpus[random.Next(s_corpus.Length)]);
            for (int changes = random.Next(1, 12); changes > 0; changes--)
                Damage(file, random);
            byte[] bytes = [.. file];
            try
            {
                Check(bytes);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"KEELSON_SEED={s_seed}, file {count}, base64 {Convert.ToBase64String(bytes)}", e);
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} files, KEELSON_SEED={s_seed}");
        Assert.True(count > 10, $"{count} files");
    }

    private static void Damage(List<byte> file, Random random)
    {
        int at = random.Next(file.Count + 1);
        switch (random.Next(5))
        {
            case 0:
                file.InsertRange(at, s_signs[random.Next(s_signs.Length)]);
                break;
            case 1:
                file.RemoveRange(at, Math.Min(random.Next(1, 9), file.Count - at));
                break;
            case 2 when at < file.Count:
                file[at] = (byte)random.Next(256);
                break;
            case 3:
                byte[] other = s_corpus[random.Next(s_corpus.Length)];
                int from = random.Next(other.Length);
                file.InsertRange(at, other.AsSpan(from, Math.Min(random.Next(1, 60), other.Length - from)));
                break;
            default:
                // A key with another one's value.
                file.InsertRange(at, Encoding.ASCII.GetBytes("\n" + KnownKeys.Service[random.Next(KnownKeys.Service.Length)] + "="));
                break;
        }
    }
}
