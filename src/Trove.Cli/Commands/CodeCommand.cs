using System.CommandLine;
using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Cli.Commands;

/// <summary>The code that binds an account of a platform to a wallet.</summary>
internal static class CodeCommand
{
    public static Command Create()
    {
        var owner = new Option<string?>("--owner") { Description = "The wallet (address)" };
        var key = new Option<FileInfo?>("--key") { Description = "Its key file, in place of --owner" };
        var (asset, passphraseFile, passphraseFd, node) = (ContributeCommands.AssetOption(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var command = new Command("code", """
            The code by which an account of a platform shows that it is a wallet's: whoever can write as the account puts it where everybody can see it. It is of use to no other wallet, and no secret.

            Example: trove code --asset TIDE --key me.key --passphrase-file pass.txt
            """) { asset, owner, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            var wallet = Wallet(r.GetValue(owner), r.GetValue(key), r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node));
            var (info, of) = (await client.InfoAsync(ct), await Shared.FindAssetAsync(client, r.GetValue(asset), ct));
            var code = AccountCode.Of(info.ChainId, of.Ledger, wallet);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new { code, asset = of.Asset, owner = wallet });
            else
                Console.WriteLine($"""
                    {code}
                    is the code of wallet {wallet} for {of.Symbol}. On Reddit, signed in as the account of your export, either
                      put it into the description of your profile, and contribute with --profile
                      or post or comment it, on a line of its own, and contribute with --post and the address of the post
                    it has to stand there until the verifiers have answered; 'trove contributions' says when
                    """);
            return 0;
        });
        return command;
    }

    private static Address Wallet(string? owner, FileInfo? key, string? passphraseFile, int? passphraseFd)
    {
        if (key is null)
            return ContributeCommands.ParseOwner(owner) ?? throw new CommandException("no wallet was named", "name it with --owner, or its key file with --key");
        using var keys = Shared.OpenKey(key, passphraseFile, passphraseFd);
        return ContributeCommands.ParseOwner(owner) is { } other && other != keys.SigningKey.Address
            ? throw new CommandException("--owner names another than --key", "give one of them")
            : keys.SigningKey.Address;
    }
}
