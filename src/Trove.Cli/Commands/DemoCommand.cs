using System.CommandLine;
using Trove.Cli.Demo;

namespace Trove.Cli.Commands;

/// <summary>The whole story on sample data.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var exit = new Option<bool>("--exit") { Description = "End after the story and leave no process behind" };
        var with = new Option<string[]>("--with") { Description = "An export of your own to contribute as well; repeatable" };
        var me = new Option<string?>("--me") { Description = "Your name in those exports, where they do not say whose they are" };
        var command = new Command("demo", "Tells the whole story on sample data: from exports to shares, votes, granted and refused questions, and their money. Then the node stays up.") { exit, with, me };
        command.SetAction((r, ct) => new Story(r.GetValue(Shared.Json), r.GetValue(exit), r.GetValue(with) ?? [], r.GetValue(me) ?? "").TellAsync(ct));
        return command;
    }
}
