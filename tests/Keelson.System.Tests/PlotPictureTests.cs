using Keelson.SystemTests.Harness;
using PuppeteerSharp;
using StbImageSharp;

namespace Keelson.SystemTests;

/// <summary>What keelson plot draws, as a browser (headless Chromium) shows it.</summary>
public sealed class PlotPictureTests
{
    private static readonly string[] s_browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    // BootPlot's colours: the critical path, what starts, what is ready, what has failed, startup scripts.
    private static readonly (string What, int Rgb)[] s_colours =
        [("the critical path", 0xbc4c00), ("a service that starts", 0x0969da), ("a service that is ready", 0x9ad6ab), ("one that failed", 0xcf222e), ("a startup script", 0xbf8700)];

    [Fact]
    [NotEmulated("a browser")]
    public async Task No_two_labels_overlap_none_is_cut_off_and_the_critical_path_is_seen()
    {
        string picture = await BootAndPlot();
        string? chromium = s_browsers.SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, name))).FirstOrDefault(File.Exists);
        Assert.True(chromium is not null, "no Chromium is installed; install the package chromium (Debian), or Chrome");
        // Root has no sandbox in a browser; the page is our own, and has no network.
        await using IBrowser browser = await Puppeteer.LaunchAsync(new LaunchOptions { ExecutablePath = chromium, Headless = true, Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"], Timeout = 120_000 });
        await using IPage page = await browser.NewPageAsync();
        await page.SetViewportAsync(new ViewPortOptions { Width = 1600, Height = 900 });
        await page.SetContentAsync($"<!DOCTYPE html><body style='margin:0'>{picture}");
        string[] faults = await page.EvaluateExpressionAsync<string[]>("""
            (() => {
              const faults = [], svg = document.querySelector('svg').getBoundingClientRect();
              const texts = [...document.querySelectorAll('text')].map(t => ({ text: t.textContent, box: t.getBoundingClientRect() }));
              if (texts.length < 10) faults.push(`only ${texts.length} texts`);
              for (const [i, a] of texts.entries()) {
                if (a.box.height < 8) faults.push(`too small: ${a.text}`);
                if (a.box.left < svg.left || a.box.right > svg.right || a.box.top < svg.top || a.box.bottom > svg.bottom) faults.push(`cut off: ${a.text}`);
                for (const b of texts.slice(i + 1))
                  if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top + 2 < b.box.bottom && b.box.top + 2 < a.box.bottom) faults.push(`overlap: ${a.text} | ${b.text}`);
              }
              return faults;
            })()
            """);
        Assert.True(faults.Length == 0, string.Join('\n', faults) + "\n" + picture);

        byte[] screenshot = await page.ScreenshotDataAsync(new ScreenshotOptions { FullPage = true });
        if (Environment.GetEnvironmentVariable("KEELSON_KEEP_PICTURE") is { Length: > 0 } path)
            await File.WriteAllBytesAsync(path, screenshot, TestContext.Current.CancellationToken);
        ImageResult image = ImageResult.FromMemory(screenshot, ColorComponents.RedGreenBlue);
        var pixels = new Dictionary<int, int>();
        for (int i = 0; i < image.Data.Length; i += 3)
        {
            int rgb = image.Data[i] << 16 | image.Data[i + 1] << 8 | image.Data[i + 2];
            pixels[rgb] = pixels.GetValueOrDefault(rgb) + 1;
        }
        foreach ((string what, int rgb) in s_colours)
            Assert.True(pixels.GetValueOrDefault(rgb) >= 20, $"{what} (#{rgb:x6}) has {pixels.GetValueOrDefault(rgb)} pixels in {image.Width}x{image.Height}:\n{picture}");
    }

    /// <summary>A boot with all there is: scripts, order, one that fails, one that waits in vain, long and short names.</summary>
    private static async Task<string> BootAndPlot()
    {
        await using Sandbox s = new Sandbox()
            .Startup("10_slow", "sleep 0.3").Startup("20_a-startup-script-with-a-long-name-that-says-what-it-does-and-more", "true")
            .Service("db", "exec sleep 10000").Script("/etc/service/db/check", "[ -e /tmp/db.go ]")
            .Service("web", "exec sleep 10001").Write("/etc/service/web/service.conf", "[Unit]\nRequires=db\n").Script("/etc/service/web/check", "exit 0")
            .Service("broken", "exit 3").Write("/etc/service/broken/service.conf", "[Service]\nRestart=no\n")
            .Service("needs-broken", "exec sleep 10002").Write("/etc/service/needs-broken/service.conf", "[Unit]\nRequires=broken\n");
        for (int i = 0; i < 12; i++)
            s.Service($"worker-{i}", "exec sleep 20000");
        await s.Start();
        await s.WaitForLog("broken has failed");
        await s.WaitForProcess("sleep 10000");
        Assert.Equal(0, (await s.Exec("touch /tmp/db.go")).Status);
        await s.WaitForProcess("sleep 10001");
        await s.Until(() => s.Exec("/opt/keelson/keelson events web").Result.Out.Contains("ready", StringComparison.Ordinal), "web is ready");
        (int status, string plot) = await s.Exec("/opt/keelson/keelson plot 2>&1");
        Assert.True(status == 0, plot);
        // Everything is ready, has failed or waits for what has; the workers have nothing that would tell when they are ready.
        Assert.DoesNotContain("not yet", plot, StringComparison.Ordinal);
        return plot;
    }
}
