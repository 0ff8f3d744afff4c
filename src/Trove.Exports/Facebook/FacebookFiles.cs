using System.Collections.Frozen;
using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;

namespace Trove.Exports.Facebook;

/// <summary>What a section of a Facebook export becomes.</summary>
/// <param name="Kind">The records' kind.</param>
/// <param name="What">What it is, in the metadata.</param>
internal sealed record Section(RecordKind Kind, string What = "");

/// <summary>The files of an export of Facebook or Messenger (specs/exports/facebook.md).</summary>
internal static class FacebookFiles
{
    public const string Platform = "facebook", Profile = "profile";

    /// <summary>By the first member of a file's object without its version, or by the name of a file that is an array.</summary>
    public static readonly FrozenDictionary<string, Section> Sections = new Dictionary<string, Section>
    {
        ["your_posts"] = new(RecordKind.Post), ["your_posts__check_ins__photos_and_videos"] = new(RecordKind.Post), ["status_updates"] = new(RecordKind.Post),
        ["group_posts"] = new(RecordKind.Post, "group"), ["notes"] = new(RecordKind.Post, "note"),
        ["comments"] = new(RecordKind.Comment), ["group_comments"] = new(RecordKind.Comment, "group"),
        ["reactions"] = new(RecordKind.Vote), ["likes_and_reactions"] = new(RecordKind.Vote), ["page_likes"] = new(RecordKind.Follow, "page"),
        ["friends"] = new(RecordKind.Follow, "friend"), ["following"] = new(RecordKind.Follow), ["followers"] = new(RecordKind.Other, "follower"),
        ["sent_requests"] = new(RecordKind.Other, "friend-request"), ["deleted_friends"] = new(RecordKind.Other, "unfriended"),
        ["searches"] = new(RecordKind.Search), ["saves"] = new(RecordKind.Bookmark),
    }.ToFrozenDictionary();

    /// <summary>Names that others use too: by themselves they say nothing of whose file it is.</summary>
    public static bool IsAmbiguous(string section) => section is "comments" or "reactions" or "friends" or "following" or "followers" or "notes" or "searches" or "saves" or "profile";

    /// <summary>Is it a conversation?</summary>
    public static bool IsThread(ExportFile file) => MetaThread.Is(file) || MetaThread.IsEncrypted(file);

    /// <summary>Is it a file that gives records?</summary>
    public static bool IsRead(ExportFile file) => IsThread(file) || Sections.ContainsKey(MetaFiles.Section(file));

    /// <summary>Does it say whose the export is?</summary>
    public static bool IsProfile(ExportFile file) => MetaFiles.Stem(file) == "profile_information";
}
