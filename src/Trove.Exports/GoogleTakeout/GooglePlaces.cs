using System.Globalization;
using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// Where the account was, in four generations: points (<c>Records.json</c>), visits and ways (<c>timelineObjects</c>), and what Android (<c>semanticSegments</c>)
/// and iOS (an array) export from the telephone.
/// </summary>
internal static class GooglePlaces
{
    /// <summary>The paths at which each generation has its elements.</summary>
    public static string PathOf(GoogleFiles.Sort sort) => sort switch
    {
        GoogleFiles.Sort.Records => "locations[]",
        GoogleFiles.Sort.Visits => "timelineObjects[]",
        GoogleFiles.Sort.Timeline => "semanticSegments[]",
        _ => "[]",
    };

    /// <summary>The records of one element; none when it names no place.</summary>
    public static IEnumerable<Record> Of(JsonValue element, GoogleFiles.Sort sort, string me)
    {
        var place = new Record { Platform = GoogleFiles.Platform, Kind = RecordKind.Place, Author = me, Own = true };
        return sort switch
        {
            GoogleFiles.Sort.Records => Point(element, place),
            GoogleFiles.Sort.Visits => Visits(element, place),
            _ => Segment(element, place),
        };
    }

    private static IEnumerable<Record> Point(JsonValue element, Record place)
    {
        if (E7(element, "latitudeE7"u8, 90) is { Length: > 0 } latitude && E7(element, "longitudeE7"u8, 180) is { Length: > 0 } longitude)
            yield return place with
            {
                Time = element.Time("timestamp"u8) ?? element.UnixMilliseconds("timestampMs"u8),
                Meta = Metadata.Of(("accuracy", Number(element.Get("accuracy"u8))), ("latitude", latitude), ("longitude", longitude), ("of", Short(element.Text("source"u8)))),
            };
    }

    private static IEnumerable<Record> Visits(JsonValue element, Record place)
    {
        if (element.Get("placeVisit"u8) is { ValueKind: JsonValueKind.Object } visit)
        {
            var location = visit.Get("location"u8);
            var (start, end) = Duration(visit);
            yield return place with
            {
                Id = location.Text("placeId"u8) is { Length: <= RecordRules.Id } id ? id : "",
                Time = start,
                Meta = Metadata.Of(("end", Time(end)), ("latitude", E7(location, "latitudeE7"u8, 90)), ("longitude", E7(location, "longitudeE7"u8, 180)),
                    ("place", Short(location.Text("name"u8))), ("location", Short(location.Text("address"u8))), ("type", Short(location.Text("semanticType"u8)))),
            };
        }
        if (element.Get("activitySegment"u8) is { ValueKind: JsonValueKind.Object } segment)
        {
            var (from, to) = (segment.Get("startLocation"u8), segment.Get("endLocation"u8));
            var (start, end) = Duration(segment);
            yield return Way(place, start, end, segment.Text("activityType"u8), Number(segment.Get("distance"u8)),
                Pair(E7(from, "latitudeE7"u8, 90), E7(from, "longitudeE7"u8, 180)), Pair(E7(to, "latitudeE7"u8, 90), E7(to, "longitudeE7"u8, 180)));
        }
    }

    private static IEnumerable<Record> Segment(JsonValue element, Record place)
    {
        var (start, end) = (element.Time("startTime"u8), element.Time("endTime"u8));
        if (element.Get("visit"u8) is { ValueKind: JsonValueKind.Object } visit)
        {
            var candidate = visit.Get("topCandidate"u8);
            var (latitude, longitude) = Coordinates(candidate.Get("placeLocation"u8));
            var id = candidate.Text("placeId"u8) is { Length: > 0 } android ? android : candidate.Text("placeID"u8);
            yield return place with
            {
                Id = id.Length <= RecordRules.Id ? id : "",
                Time = start,
                Meta = Metadata.Of(("end", Time(end)), ("latitude", latitude), ("longitude", longitude), ("type", Short(candidate.Text("semanticType"u8)))),
            };
        }
        if (element.Get("activity"u8) is { ValueKind: JsonValueKind.Object } activity)
        {
            var (from, to) = (Coordinates(activity.Get("start"u8)), Coordinates(activity.Get("end"u8)));
            yield return Way(place, start, end, activity.Get("topCandidate"u8).Text("type"u8), Number(activity.Get("distanceMeters"u8)), Pair(from.Latitude, from.Longitude), Pair(to.Latitude, to.Longitude));
        }
        foreach (var point in element.Get("timelinePath"u8).Items())
        {
            if (Coordinates(point.Get("point"u8)) is not ({ Length: > 0 } latitude, { Length: > 0 } longitude))
                continue;
            var time = point.Time("time"u8);
            if (time is null && start is { } begin && point.Get("durationMinutesOffsetFromStartTime"u8).Number() is >= 0 and < 100_000 and var minutes)
                time = Times.FromUnixMilliseconds(begin + 60_000 * minutes);
            yield return place with { Time = time, Meta = Metadata.Of(("latitude", latitude), ("longitude", longitude)) };
        }
    }

    private static Record Way(Record place, long? start, long? end, string type, string meters, string from, string to) => place with
    {
        Kind = RecordKind.Other,
        Time = start,
        Meta = Metadata.Of(("end", Time(end)), ("location", from.Length > 0 && to.Length > 0 ? $"{from} {to}" : from + to), ("meters", meters), ("type", Short(type)), ("what", "way")),
    };

    private static (long? Start, long? End) Duration(JsonValue element)
    {
        var duration = element.Get("duration"u8);
        return (duration.Time("startTimestamp"u8) ?? duration.UnixMilliseconds("startTimestampMs"u8), duration.Time("endTimestamp"u8) ?? duration.UnixMilliseconds("endTimestampMs"u8));
    }

    /// <summary><c>{"latLng":"51.5°, -0.1°"}</c>, the same text alone, or <c>geo:51.5,-0.1</c> (RFC 5870).</summary>
    private static (string Latitude, string Longitude) Coordinates(JsonValue place)
    {
        var text = place.ValueKind == JsonValueKind.Object ? place.Text("latLng"u8) : place.Text();
        text = text.StartsWith("geo:", StringComparison.Ordinal) ? text[4..] : text;
        return text.Length < 64 && text.Replace("°", "", StringComparison.Ordinal).Split(',') is [var latitude, var longitude]
            && Degrees(latitude, 90) is { Length: > 0 } north && Degrees(longitude, 180) is { Length: > 0 } east ? (north, east) : ("", "");
    }

    private static string Degrees(string text, int most) => decimal.TryParse(text.Trim(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var degrees)
        ? Within(degrees, most) : "";

    // Google's own fault: before 2018 some values below zero were written as 32 bits without sign.
    private static string E7(JsonValue place, ReadOnlySpan<byte> name, int most) => place.Get(name).Number() is not { } scaled ? ""
        : Within((scaled > 1_800_000_000 ? scaled - 4_294_967_296 : scaled) / 10_000_000, most);

    private static string Within(decimal degrees, int most) => Math.Abs(degrees) <= most ? degrees.ToString("0.#######", CultureInfo.InvariantCulture) : "";

    private static string Pair(string latitude, string longitude) => latitude.Length > 0 && longitude.Length > 0 ? $"{latitude},{longitude}" : "";

    private static string Time(long? time) => time is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "";

    private static string Number(JsonValue value) => value.Number()?.ToString(CultureInfo.InvariantCulture) ?? "";

    private static string Short(string value) => value.Length <= RecordRules.MetaValue ? value : "";
}
