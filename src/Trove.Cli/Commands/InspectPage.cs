using System.Globalization;
using Trove.Exports;

namespace Trove.Cli.Commands;

/// <summary>A page about an export for whom it is of: whose, when, what, in which words, what is sensitive, what contributing would send.</summary>
internal static class InspectPage
{
    private const int MostBars = 60;
    private const string Bars = "▁▂▃▄▅▆▇█";

    private static readonly Dictionary<string, string> Sensitive = new()
    {
        ["mail"] = "mail addresses", ["phone"] = "telephone numbers", ["url"] = "web addresses", ["ip"] = "IP addresses", ["card"] = "card numbers", ["bank"] = "bank accounts",
        ["place"] = "places by coordinates", ["secret"] = "passwords and keys", ["health"] = "words about health", ["person"] = "other people's names",
    };

    public static void Print(TextWriter page, ExportReport report, Survey survey)
    {
        page.WriteLine($"{report.Platform} export of {(report.Account.Length > 0 ? Shared.Safe(report.Account) : "an unknown account")}");
        page.WriteLine($"{report.Records:N0} records, {report.OwnWords:N0} words of your own, {report.OtherWords:N0} of others"
            + (report.From is { } from && report.To is { } to ? $", {Date(from)} to {Date(to)}" : ""));
        PrintTime(page, survey);
        PrintKinds(page, survey);
        PrintSensitive(page, survey);
        PrintSent(page, survey);
        page.WriteLine();
        page.WriteLine("files");
        foreach (var file in report.Files)
            page.WriteLine($"  {Shared.Safe(file.Name),-34} {file.Status.ToString().ToLowerInvariant(),-8} {file.Records,8:N0}"
                + (file.Skipped > 0 ? $"  {file.Skipped:N0} skipped" : "") + (file.Reason.Length > 0 ? $"  {Shared.Safe(file.Reason)}" : ""));
        foreach (var warning in report.Warnings)
            page.WriteLine($"note: {Shared.Safe(warning)}");
    }

    // A bar for so many months that all of them fit on a line.
    private static void PrintTime(TextWriter page, Survey survey)
    {
        var months = survey.Months.Select(m => (At: 12 * m.Year + m.Month - 1, m.Records)).ToList();
        if (months.Count == 0)
            return;
        int first = months[0].At, all = months[^1].At - first + 1;
        int step = new[] { 1, 3, 6, 12 }.FirstOrDefault(s => all <= s * MostBars, (all + MostBars - 1) / MostBars);
        first -= first % Math.Min(step, 12);
        var bars = new long[(months[^1].At - first) / step + 1];
        foreach (var (at, records) in months)
            bars[(at - first) / step] += records;
        long most = bars.Max();
        page.WriteLine();
        page.WriteLine($"  {Month(first)} {string.Concat(bars.Select(b => b == 0 ? ' ' : Bars[(int)((b * Bars.Length - 1) / most)]))} {Month(first + (bars.Length - 1) * step)}   each {Length(step)}, at most {most:N0} records");
    }

    private static string Month(int at) => string.Create(CultureInfo.InvariantCulture, $"{at / 12:0000}-{at % 12 + 1:00}");

    private static string Length(int months) => months switch { 1 => "a month", 3 => "a quarter", 6 => "half a year", 12 => "a year", _ => $"{months} months" };

    private static void PrintKinds(TextWriter page, Survey survey)
    {
        page.WriteLine();
        page.WriteLine($"  {"",-10} {"yours",10} {"others'",10} {"your words",12}  words you use most");
        foreach (var k in survey.Kinds)
            page.WriteLine($"  {k.Kind.Name(),-10} {k.Own,10:N0} {k.Other,10:N0} {k.OwnWords,12:N0}  {Shared.Safe(string.Join(", ", k.Words))}");
    }

    private static void PrintSensitive(TextWriter page, Survey survey)
    {
        var found = survey.Sensitive.ToList();
        page.WriteLine();
        page.WriteLine(found.Count == 0 ? "nothing sensitive was found by its form; that does not mean there is nothing" : "sensitive, as far as its form shows it");
        foreach (var (name, times, records) in found)
            page.WriteLine($"  {Sensitive[name],-22} {times,8:N0} in {records,8:N0} records  {(name == "person" ? "become pseudonyms unless --names" : $"black out: --redact {name}")}");
    }

    private static void PrintSent(TextWriter page, Survey survey)
    {
        var parts = survey.Parts.ToList();
        page.WriteLine();
        page.WriteLine(parts.Count == 0 ? "contributing would send nothing" : "contributing would send, to an asset that takes all of it, encrypted part by part");
        foreach (var kind in parts.GroupBy(p => p.Part.Kind))
            PrintParts(kind.Key.Name(), [.. kind]);
        if (parts.Count > 0)
            PrintParts("all of it", parts);

        void PrintParts(string what, List<(PartKey Part, long Records, long OwnWords, long Bytes)> some) =>
            page.WriteLine($"  {what,-10} {Years(some.ConvertAll(p => p.Part.Year)),-20} {some.Count,4:N0} part{(some.Count == 1 ? " " : "s")} {some.Sum(p => p.Records),10:N0} records {some.Sum(p => p.OwnWords),12:N0} words of your own {Size(some.Sum(p => p.Bytes)),10}");
    }

    private static string Years(List<int> years)
    {
        var dated = years.Where(y => y > 0).Order().ToList();
        string span = dated.Count == 0 ? "" : dated[0] == dated[^1] ? Year(dated[0]) : $"{Year(dated[0])} to {Year(dated[^1])}";
        return !years.Contains(0) ? span : span.Length == 0 ? "undated" : $"{span}, undated";
    }

    private static string Year(int year) => year.ToString(CultureInfo.InvariantCulture);

    private static string Size(long bytes) => bytes switch { < 1_000 => $"{bytes} B", < 1_000_000 => $"{bytes / 1e3:0.0} kB", < 1_000_000_000 => $"{bytes / 1e6:0.0} MB", _ => $"{bytes / 1e9:0.0} GB" };

    private static string Date(long time) => DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
