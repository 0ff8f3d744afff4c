using System.Globalization;
using System.Net;
using System.Text;
using Trove.Models.Training;

namespace Trove.Cli.Models;

/// <summary>A run as one page that needs nothing else: its curve, a sample, how to do it again, what came out. Everything that a person wrote is escaped.</summary>
internal static class TrainReport
{
    private const int Wide = 760, High = 320, Margin = 44;

    /// <summary>Writes the page.</summary>
    public static void Write(Stream output, TrainRequest request, TrainFacts facts, Trainer trainer, IReadOnlyList<(string File, string Hash)> files, string sample)
    {
        using var page = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        var point = trainer.Curve[^1];
        page.WriteLine($$"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>Training report: {{Text(request.Out)}}</title>
            <style>
            :root { color-scheme: light dark; --ink: #1c2530; --paper: #fff; --soft: #66717f; --line: #d5dbe2; --loss: #2563c9; --check: #c2560c; }
            @media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --paper: #12171d; --soft: #93a0ae; --line: #323c47; --loss: #74a7ff; --check: #ffa35c; } }
            body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
            h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
            pre, code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; } pre { white-space: pre-wrap; border: 1px solid var(--line); border-radius: 6px; padding: .8rem; }
            table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: .3rem .8rem .3rem 0; vertical-align: top; }
            svg { width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
            .grid { stroke: var(--line); } .loss { stroke: var(--loss); fill: none; stroke-width: 2; } .check { stroke: var(--check); fill: none; stroke-width: 2; } .dot { fill: var(--check); }
            </style>
            </head>
            <body>
            <h1>Training report: {{Text(request.Out)}}</h1>
            <p>{{Text(facts.Model)}}. {{Text(facts.Data)}}. {{Text(facts.Run)}}.</p>
            <p><strong>Loss {{Number(point.Loss)}}</strong>{{(double.IsFinite(point.Validation) ? $", on text it has not learnt from {Number(point.Validation)}" : "")}} nats a token.{{(trainer.Voided > 0 ? $" {trainer.Voided} steps were voided: their loss or gradients were not finite." : "")}}</p>
            """);
        WriteCurve(page, trainer.Curve);
        page.WriteLine("<h2>A sample</h2>");
        page.WriteLine($"<pre>{Text(sample)}</pre>");
        page.WriteLine("<h2>The same again</h2>");
        page.WriteLine($"<pre>{Text(request.Again(resume: false))}</pre>");
        page.WriteLine("<p>From the same text this gives the same bits on any machine, with any number of threads.</p>");
        page.WriteLine("<h2>What came out</h2>\n<table>");
        foreach (var (file, hash) in files)
            page.WriteLine($"<tr><td>{Text(file)}</td><td><code>{Text(hash)}</code></td></tr>");
        page.WriteLine("</table>\n<h2>What it depends on</h2>\n<table>");
        foreach (var (name, value) in trainer.RunFacts)
            page.WriteLine($"<tr><td>{Text(name)}</td><td><code>{Text(Plain(value))}</code></td></tr>");
        page.WriteLine("</table>\n</body>\n</html>");
    }

    // A record as C# prints it: its fields alone.
    private static string Plain(string value) => value.IndexOf(" { ", StringComparison.Ordinal) is var at and > 0 && value.EndsWith(" }", StringComparison.Ordinal) ? value[(at + 3)..^2] : value;

    private static void WriteCurve(TextWriter page, IReadOnlyList<CurvePoint> curve)
    {
        var losses = curve.Where(p => double.IsFinite(p.Loss)).Select(p => (p.Step, Value: p.Loss)).ToList();
        var checks = curve.Where(p => double.IsFinite(p.Validation)).Select(p => (p.Step, Value: p.Validation)).ToList();
        if (losses.Count == 0)
            return;
        double least = losses.Concat(checks).Min(p => p.Value), most = losses.Concat(checks).Max(p => p.Value), steps = curve[^1].Step;
        if (most <= least)
            most = least + 1;
        page.WriteLine($"""<svg viewBox="0 0 {Wide} {High}" role="img" aria-label="Loss by step">""");
        for (int i = 0; i <= 4; i++)
        {
            double value = least + (most - least) * i / 4;
            page.WriteLine($"""<line class="grid" x1="{Margin}" x2="{Wide}" y1="{Y(value)}" y2="{Y(value)}"/><text x="0" y="{Y(value)}" dy="4">{value.ToString("0.00", CultureInfo.InvariantCulture)}</text>""");
        }
        page.WriteLine($"""<polyline class="loss" points="{Points(losses)}"/>""");
        if (checks.Count > 0)
        {
            page.WriteLine($"""<polyline class="check" points="{Points(checks)}"/>""");
            foreach (var check in checks)
                page.WriteLine($"""<circle class="dot" r="3" cx="{X(check.Step)}" cy="{Y(check.Value)}"/>""");
        }
        page.WriteLine($"""<text x="{Margin}" y="{High - 4}">step 0</text><text x="{Wide}" y="{High - 4}" text-anchor="end">step {curve[^1].Step.ToString("N0", CultureInfo.InvariantCulture)}</text>""");
        page.WriteLine($"""<text x="{Wide}" y="14" text-anchor="end">blue: learnt from; orange: not learnt from</text>""");
        page.WriteLine("</svg>");

        string X(double step) => (Margin + (Wide - Margin - 6) * step / steps).ToString("0.#", CultureInfo.InvariantCulture);
        string Y(double value) => (High - 24 - (High - 48) * (value - least) / (most - least)).ToString("0.#", CultureInfo.InvariantCulture);
        string Points(IEnumerable<(long Step, double Value)> points) => string.Join(' ', points.Select(p => $"{X(p.Step)},{Y(p.Value)}"));
    }

    private static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    // Control characters are no part of a page either.
    private static string Text(string text) => WebUtility.HtmlEncode(string.Concat(text.Select(c => char.IsControl(c) && c is not '\n' and not '\t' ? '\u00b7' : c)));
}
