using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;
using Trove.Tests.Node;

namespace Trove.SystemTests.Story;

/// <summary>
/// A forged export of somebody's account comes first; then its owner posts the code of their wallet, and the account is theirs. Through the command
/// line, with two verifiers in processes of their own that reach a platform on this machine by the variables every program honours: one asks as anybody
/// may, the other in the name of an app, and both have to find the same.
/// </summary>
public sealed class PublicPagesStoryTests(ApiFixture api) : IAsyncLifetime
{
    private const string Passphrase = "a passphrase of this test", Account = "heronmaya", App = "made-up_Id42:a_Secret:made-up~for.tests", Token = "made-up_Token42";
    private static readonly string[] Written = [.. Enumerable.Range(0, 9).Select(i => $"On day {(char)('a' + i)} of the spring tide I counted {i + 3} herons beside the {(i % 2 == 0 ? "old" : "new")} sluice")];

    private readonly string _folder = TestFolder.Create();
    private readonly Dictionary<string, KeyFile> _keys = [];
    private readonly PlatformServer _platform = new("www.reddit.com", "oauth.reddit.com");
    private Address _asset;

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        File.WriteAllText(Path.Combine(_folder, "pass.txt"), Passphrase + "\n");
        File.WriteAllText(Path.Combine(_folder, "authority.pem"), _platform.Authority);
        File.WriteAllText(Path.Combine(_folder, "app.txt"), App + "\n");
        foreach (var name in (string[])["founder", "plain", "app", "guardian", "forger", "maya"])
        {
            using var secret = new SecretBytes(Encoding.ASCII.GetBytes(Passphrase));
            (_keys[name] = KeyFile.Create()).Save(Path.Combine(_folder, name + ".key"), secret, workFactor: 10);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _platform.DisposeAsync();
        foreach (var key in _keys.Values)
            key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_owner_of_an_account_takes_it_from_who_forged_its_export()
    {
        using var chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        var guardian = new GuardianProcess(api.Client, chain, _keys["guardian"], new GuardianOptions(Path.Combine(_folder, "guardian"), 0, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System);
        var machine = new Dictionary<string, string> { ["HTTPS_PROXY"] = $"{_platform.Proxy}", ["SSL_CERT_FILE"] = Path.Combine(_folder, "authority.pem") };
        await using var plain = TroveCli.Start(_folder, machine, ["verifier", "--log-level", "Trace", .. Signing("plain")]);
        await using var app = TroveCli.Start(_folder, machine, ["verifier", "--log-level", "Trace", "--reddit-app", Path.Combine(_folder, "app.txt"), .. Signing("app")]);
        await UseFixture.PlayAsync([guardian.RunAsync], TellStoryAsync);
        Assert.Equal(["oauth.reddit.com:443", "www.reddit.com:443"], _platform.Connected.Distinct().Order());
        foreach (var verifier in (TroveCli[])[plain, app])
        {
            Assert.False(verifier.HasExited, verifier.Error);
            foreach (var secret in (string[])["herons beside", Token, .. App.Split(':', 2), Convert.ToBase64String(Encoding.ASCII.GetBytes(App))])
                Assert.DoesNotContain(secret, verifier.Error, StringComparison.Ordinal);
        }
    }

    private async Task TellStoryAsync()
    {
        var verifiers = ((string[])["plain", "app"]).SelectMany(name => (string[])["--verifier", $"{_keys[name].SigningKey.Address}={_keys[name].Identity.Recipient}"]);
        var created = await TroveCli.JsonAsync(_folder, ["asset", "create", "--name", "Of herons", "--symbol", "HERON", .. Signing("founder"), .. verifiers,
            "--guardian", $"{_keys["guardian"].SigningKey.Address}", "--minimum-words", "5"]);
        _asset = Address.Parse((string)created["asset"]!);

        // The forger writes an export in the account's name, and is paid while nobody says whose it is.
        var forged = await ContributeAsync("forger", ["Nothing of this was ever written by anybody at any seaside", "And neither was this line about lanterns, ropes and kettles"]);
        Assert.Equal("attested", await StateAsync(forged));

        // What cannot count is said before anything is sent.
        await RefusedAsync("the address of a post", "--post", "https://www.reddit.com/user/heronmaya/");
        await RefusedAsync("one that has the code is enough", [.. Enumerable.Repeat((string[])["--post", "https://www.reddit.com/r/a/comments/1/b/"], 5).SelectMany(p => p)]);
        Assert.Empty(_platform.Requests);

        // Maya asks for her code and posts it; her profile has the forger's, who cannot write there but might have asked her to.
        var code = (string)(await TroveCli.JsonAsync(_folder, ["code", "--asset", $"{_asset}", .. Signing("maya")]))["code"]!;
        Assert.StartsWith(code, await TextAsync("code", "--asset", $"{_asset}", "--owner", $"{_keys["maya"].SigningKey.Address}"), StringComparison.Ordinal);
        var forgers = (string)(await TroveCli.JsonAsync(_folder, ["code", "--asset", $"{_asset}", .. Signing("forger")]))["code"]!;
        Assert.NotEqual(code, forgers);
        _platform.Answer = (path, to, ct) => PlatformServer.WriteAsync(to, 200, path.Replace(".json", "", StringComparison.Ordinal) switch
        {
            "/api/v1/access_token" => RedditAnswers.Token(Token),
            "/user/heronmaya/about?raw_json=1" => RedditAnswers.Profile("HeronMaya", "herons, and what " + forgers[..^1]),
            "/api/info?raw_json=1&id=t3_1mine" => RedditAnswers.Listing(RedditAnswers.Post("1mine", "HeronMaya", "Trove", $"For Trove:\n\n{code}\n")),
            _ => RedditAnswers.Listing([.. Written.Select((text, i) => RedditAnswers.Comment($"{Account}{i}", "HeronMaya", text))]),
        }, ct);
        var hers = await ContributeAsync("maya", Written, "--profile", "--permalinks", "--post", "https://www.reddit.com/user/HeronMaya/comments/1mine/trove/");
        Assert.Equal("attested", await StateAsync(hers));

        // Three requests of each verifier, and one for a token, each once.
        Assert.Equal(7, _platform.Requests.Count);
        Assert.Equal(7, _platform.Requests.Distinct().Count());
        Assert.Equal(3, _platform.Requests.Count(request => request.Contains($"\r\nAuthorization: bearer {Token}\r\n", StringComparison.Ordinal)));
        Assert.Equal(2, (await api.Client.ContributionAsync(hers, default)).Attestations.DistinctBy(a => a.Verifier).Count(a => a.Facts is not null));

        Assert.Equal("posted", (string?)(await TroveCli.JsonAsync(_folder, ["epoch", "close", "--asset", $"{_asset}", .. Signing("founder")]))["state"]);
        var told = await TextAsync("explain", $"{hers}");
        Assert.Contains("evidence post: passed, the account posted the code of this wallet on reddit", told, StringComparison.Ordinal);
        Assert.Contains("evidence profile: absent, the account's profile on reddit does not show the code of this wallet", told, StringComparison.Ordinal);
        Assert.Contains("evidence permalink: passed, at least 5 of up to 8 records drawn by lot are public on reddit as they are here", told, StringComparison.Ordinal);

        // From now on the account is hers.
        var again = await ContributeAsync("forger", ["More of what nobody ever wrote about any boat or harbour"]);
        Assert.Equal("refused", await StateAsync(again));
        Assert.Equal("account-known", (await api.Client.ContributionAsync(again, _keys["forger"].SigningKey, default)).RefusalCode);
    }

    private async Task RefusedAsync(string says, params string[] pages)
    {
        Exports.WriteReddit(Path.Combine(_folder, "maya.zip"), Account, Written, ["kept at home"]);
        var (code, _, error) = await TroveCli.RunAsync(_folder, ["contribute", Path.Combine(_folder, "maya.zip"), "--to", $"{_asset}", "--exclude", "message", .. pages, .. Signing("maya")]);
        Assert.Equal(1, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
    }

    private async Task<Hash32> ContributeAsync(string owner, string[] texts, params string[] pages)
    {
        var file = Path.Combine(_folder, owner + ".zip");
        Exports.WriteReddit(file, Account, texts, ["kept at home"]);
        return Hash32.Parse((string)(await TroveCli.JsonAsync(_folder, ["contribute", file, "--to", $"{_asset}", "--exclude", "message", .. pages, .. Signing(owner)]))["contribution"]!);
    }

    private async Task<string> StateAsync(Hash32 id)
    {
        await UseFixture.WaitAsync(async () => (await api.Client.ContributionAsync(id, default)).State != "verifying");
        return (await api.Client.ContributionAsync(id, default)).State;
    }

    private async Task<string> TextAsync(params string[] arguments)
    {
        var (code, output, error) = await TroveCli.RunAsync(_folder, [.. arguments, "--node", $"{api.Client.Node}"]);
        Assert.True(code == 0, output + error);
        return output;
    }

    private string[] Signing(string name) => ["--key", Path.Combine(_folder, name + ".key"), "--passphrase-file", Path.Combine(_folder, "pass.txt"), "--node", $"{api.Client.Node}"];
}
