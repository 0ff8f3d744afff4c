using System.Collections.Frozen;
using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;

namespace Trove.Exports.Instagram;

/// <summary>What a section of an Instagram export becomes.</summary>
/// <param name="Kind">The records' kind.</param>
/// <param name="What">What it is, in the metadata: the state of a post, the target of a vote, the sort of another act.</param>
internal sealed record Section(RecordKind Kind, string What = "");

/// <summary>The files of an Instagram export (specs/exports/instagram.md).</summary>
internal static class InstagramFiles
{
    public const string Platform = "instagram", Profile = "profile_user";

    /// <summary>By the first member of a file's object, or by the name of a file that is an array.</summary>
    public static readonly FrozenDictionary<string, Section> Sections = new Dictionary<string, Section>
    {
        ["posts"] = new(RecordKind.Post), ["ig_stories"] = new(RecordKind.Post, "story"), ["stories"] = new(RecordKind.Post, "story"),
        ["ig_reels_media"] = new(RecordKind.Post, "reel"), ["reels"] = new(RecordKind.Post, "reel"),
        ["ig_igtv_media"] = new(RecordKind.Post, "video"), ["ig_other_media"] = new(RecordKind.Post, "other"),
        ["ig_archived_post_media"] = new(RecordKind.Post, "archived"), ["archived_posts"] = new(RecordKind.Post, "archived"),
        ["ig_recently_deleted_media"] = new(RecordKind.Post, "deleted"), ["recently_deleted_content"] = new(RecordKind.Post, "deleted"),
        ["comments_media_comments"] = new(RecordKind.Comment, "post"), ["post_comments"] = new(RecordKind.Comment, "post"),
        ["comments_reels_comments"] = new(RecordKind.Comment, "reel"), ["reels_comments"] = new(RecordKind.Comment, "reel"),
        ["story_activities_questions"] = new(RecordKind.Comment, "story"),
        ["likes_media_likes"] = new(RecordKind.Vote, "post"), ["liked_posts"] = new(RecordKind.Vote, "post"),
        ["likes_comment_likes"] = new(RecordKind.Vote, "comment"), ["liked_comments"] = new(RecordKind.Vote, "comment"),
        ["story_activities_story_likes"] = new(RecordKind.Vote, "story"), ["story_likes"] = new(RecordKind.Vote, "story"),
        ["story_activities_polls"] = new(RecordKind.Vote, "poll"), ["story_activities_quizzes"] = new(RecordKind.Vote, "quiz"),
        ["story_activities_emoji_sliders"] = new(RecordKind.Vote, "slider"),
        ["saved_saved_media"] = new(RecordKind.Bookmark, "post"), ["saved_posts"] = new(RecordKind.Bookmark, "post"),
        ["relationships_following"] = new(RecordKind.Follow), ["following"] = new(RecordKind.Follow),
        ["relationships_following_hashtags"] = new(RecordKind.Follow, "hashtag"),
        ["relationships_followers"] = new(RecordKind.Other, "follower"), ["followers"] = new(RecordKind.Other, "follower"),
        ["relationships_close_friends"] = new(RecordKind.Other, "close-friend"), ["relationships_blocked_users"] = new(RecordKind.Other, "blocked"),
        ["relationships_follow_requests_sent"] = new(RecordKind.Other, "follow-request"), ["relationships_unfollowed_users"] = new(RecordKind.Other, "unfollowed"),
        ["searches_user"] = new(RecordKind.Search), ["searches_keyword"] = new(RecordKind.Search), ["searches_hashtag"] = new(RecordKind.Search),
        ["searches_place"] = new(RecordKind.Search), ["searches_media"] = new(RecordKind.Search),
        ["impressions_history_posts_seen"] = new(RecordKind.View, "post"), ["impressions_history_videos_watched"] = new(RecordKind.View, "video"),
    }.ToFrozenDictionary();

    /// <summary>Sections that Facebook has under the same name: they say nothing of whose file it is.</summary>
    public static bool IsAmbiguous(string section) => section is "posts" or "stories" or "reels" or "following" or "followers" or "saved_posts" or "liked_posts" or "liked_comments" or "story_likes";

    /// <summary>The labels under which <c>personal_information.json</c> gives the account's name, in the languages known.</summary>
    public static readonly FrozenSet<string> UserNameLabels = new[]
    {
        "Username", "Benutzername", "Nom d'utilisateur", "Nom d’utilisateur", "Nom de profil", "Nombre de usuario", "Nome utente", "Nome de usuário",
        "Nome de utilizador", "Gebruikersnaam", "Användarnamn", "Brukernavn", "Brugernavn", "Käyttäjätunnus", "Nazwa użytkownika",
        "Uživatelské jméno", "Felhasználónév", "Kullanıcı adı", "Имя пользователя", "Ім'я користувача", "ユーザーネーム", "사용자 이름", "用户名", "用戶名稱",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>The labels of the shown name, which messages give as their sender.</summary>
    public static readonly FrozenSet<string> NameLabels = new[]
    {
        "Name", "Nom", "Nombre", "Nome", "Naam", "Namn", "Navn", "Nimi", "Imię i nazwisko", "Imię", "Jméno", "Név", "Ad", "Adı", "Имя", "Ім'я", "名前", "이름", "姓名",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Is it a file that gives records?</summary>
    public static bool IsRead(ExportFile file) => MetaThread.Is(file) || Sections.ContainsKey(MetaFiles.Section(file));

    /// <summary>Does it say whose the export is?</summary>
    public static bool IsProfile(ExportFile file) => MetaFiles.Stem(file) == "personal_information";
}
