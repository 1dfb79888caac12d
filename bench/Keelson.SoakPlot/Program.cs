// soak-plot CSV SVG TITLE: one panel a column of the CSV over the minutes, all beginning at 0, with the limits of the thirds
// that are compared.
using System.Globalization;
using ScottPlot;
using SkiaSharp;

if (args is not [var csv, var svg, var title])
{
    Console.Error.WriteLine("usage: soak-plot CSV SVG TITLE");
    return 2;
}
(string Name, string Label)[] columns =
[
    ("pss_kb", "PSS of PID 1, kB"), ("descriptors", "descriptors"), ("zombies", "zombies"),
    ("sv_ms", "sv status, ms"), ("control_ms", "keelson status, ms"), ("restart_ms", "killed to running, ms"),
];
string[] lines = File.ReadAllLines(csv);
string[] header = lines[0].Split(',');
double[][] rows = [.. lines.Skip(1).Where(l => !l.StartsWith('#')).Select(l => l.Split(',').Select(f => double.Parse(f, CultureInfo.InvariantCulture)).ToArray())];
double[] minutes = [.. rows.Select(r => r[0] / 60)];

Fonts.Default = "DejaVu Sans";
var panels = new Multiplot();
panels.AddPlots(columns.Length);
for (int i = 0; i < columns.Length; i++)
{
    int column = Array.IndexOf(header, columns[i].Name);
    double[] values = [.. rows.Select(r => r[column])];
    Plot plot = panels.GetPlot(i);
    plot.Add.ScatterLine(minutes, values, Colors.SteelBlue).LineWidth = 1.5f;
    foreach (int third in (int[])[1, 2])
        plot.Add.VerticalLine(minutes[rows.Length * third / 3], 1, Colors.Gray, LinePattern.Dashed);
    plot.Axes.SetLimits(0, minutes[^1], 0, Math.Max(values.Max() * 1.1, 1));
    plot.Title(columns[i].Label + (i == columns.Length - 1 ? ", over minutes" : ""), 13);
    plot.Axes.Title.Label.Bold = false;
    // The panels lie above each other: so do their axes.
    plot.Axes.Left.MinimumSize = 60;
    plot.Axes.Left.MaximumSize = 60;
}

const int width = 1000, titleHeight = 76, panelHeight = 190;
int height = titleHeight + panelHeight * columns.Length;
using var stream = new SKFileWStream(svg);
using SKCanvas canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, height), stream);
// They begin by clearing everything, and always at the top.
canvas.Translate(0, titleHeight);
panels.Render(canvas, new PixelRect(0, width, height - titleHeight, 0));
canvas.ResetMatrix();
using var white = new SKPaint { Color = SKColors.White };
canvas.DrawRect(0, 0, width, titleHeight, white);
using SKTypeface typeface = SKTypeface.FromFamilyName(Fonts.Default);
using var large = new SKFont(typeface, 17);
using var small = new SKFont(typeface, 13);
using var black = new SKPaint { Color = SKColors.Black };
string[] titles = title.Split('\n');
for (int i = 0; i < titles.Length; i++)
    canvas.DrawText(titles[i], 20, 26 + 20 * i, i == 0 ? large : small, black);
return 0;
