// `keelson ps`: docker ps for containers on this image, with what runs inside.
using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docker.DotNet.Models;
using Keelson.Host.Engine;
using Spectre.Console;

namespace Keelson.Host.Commands;

internal sealed record PsEntry(string Id, string Name, string Image, string State, string Status, IReadOnlyList<Service>? Services);

[JsonSerializable(typeof(IReadOnlyList<PsEntry>))]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
internal sealed partial class Json : JsonSerializerContext
{
    /// <summary>For a terminal and for programs, not for HTML: quotes in a message stay legible.</summary>
    internal static Json Plain { get; } = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

internal static class PsCommand
{
    internal static Command Create()
    {
        var all = new Option<bool>("--all", "-a") { Description = "also those that have ended" };
        Option<bool> json = Tool.Json();
        var command = new Command("ps", "List the containers on this image, their services and the state of each") { all, json };
        command.SetAction((parsed, cancel) => Tool.RunAsync(engine => RunAsync(engine, parsed.GetValue(all), parsed.GetValue(json), cancel), cancel));
        return command;
    }

    private static async Task<int> RunAsync(DockerEngine engine, bool all, bool json, CancellationToken cancel)
    {
        IReadOnlyList<ContainerListResponse> containers = await KeelsonContainers.ListAsync(engine, all, cancel).ConfigureAwait(false);
        PsEntry[] entries = await Task.WhenAll(containers.Select(async c =>
        {
            IReadOnlyList<Service>? services = null;
            try
            {
                services = await KeelsonContainers.ServicesAsync(await Found.FindAsync(engine, c.ID!, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
            }
            catch (Refusal)
            {
                // It went away in between.
            }
            return new PsEntry(c.ID!, KeelsonContainers.NameOf(c), c.Image ?? "", c.State ?? "", c.Status ?? "", services);
        })).ConfigureAwait(false);
        if (json)
        {
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(entries, Json.Plain.IReadOnlyListPsEntry)).ConfigureAwait(false);
            return 0;
        }
        var table = new Table { Border = TableBorder.None, ShowRowSeparators = false };
        foreach (string head in new[] { "CONTAINER", "IMAGE", "STATUS", "SERVICES" })
            table.AddColumn(new TableColumn(head) { NoWrap = head != "SERVICES", Padding = new Padding(0, 0, 3, 0) });
        foreach (PsEntry entry in entries)
            table.AddRow(new Text(entry.Name), new Text(entry.Image), new Text(entry.Status), Services(entry.Services));
        Terminal.Out.Write(table);
        return 0;
    }

    private static Markup Services(IReadOnlyList<Service>? services)
    {
        if (services is null)
            return new Markup("-");
        return new Markup(string.Join(", ", services.Select(s =>
        {
            string colour = s.IsTrouble ? "red" : s.State == "run" ? "green" : "grey";
            string more = string.Concat(s.Remarks.Where(r => r is not ("normally up" or "normally down")).Select(r => $" {r}"));
            return $"[{colour}]{Markup.Escape(s.Name)}[/] {(s.State == "fail" ? Markup.Escape(s.Remarks[0]) : $"{s.State} {Duration(s.Seconds)}{Markup.Escape(more)}")}";
        })));
    }

    internal static string Duration(long seconds) => seconds switch
    {
        < 120 => $"{seconds}s",
        < 120 * 60 => $"{seconds / 60}m",
        < 48 * 3600 => $"{seconds / 3600}h",
        _ => $"{seconds / 86400}d",
    };
}
