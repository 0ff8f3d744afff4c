using System.CommandLine;
using Trove.Bench.Engine;
using Trove.Cli;
using Trove.Cli.Commands;
using Trove.Crypto;

if (GemmBench.RanAsWorker(args) || TrainingBench.RanAsWorker(args) || GenerationBench.RanAsWorker(args))
    return 0;
ProcessMemory.ForbidDumps(); // keys and members' texts are in memory only, and stay there
var root = new RootCommand("""
    Trove: data and models owned by the people who made them.

    Try:
      trove demo                               the whole story on sample data
      trove inspect reddit-export.zip          what is in an export; nothing leaves this machine
      trove contribute reddit-export.zip --to TIDE --key me.key --passphrase-file pass.txt
      trove asset data                         what a buyer can ask of an asset
    """);
root.Options.Add(Shared.Json);
foreach (var command in new[]
{
    DemoCommand.Create(), InspectCommands.Inspect(), InspectCommands.Records(), ContributeCommands.Contribute(), ContributeCommands.Contributions(),
    ContributeCommands.Withdraw(), MoneyCommands.Balance(), MoneyCommands.Claim(), MoneyCommands.Explain(), MoneyCommands.Pay(),
    AssetCommands.Asset(), AssetCommands.Epoch(), KeyCommands.Key(), KeyCommands.Encrypt(), KeyCommands.Decrypt(),
    RequestCommands.Request(), RequestCommands.Requests(), RequestCommands.Result(), VoteCommands.Proposals(), VoteCommands.Propose(), VoteCommands.Vote(), VoteCommands.Execute(), ProposalCommands.Proposal(),
    DelegateCommands.Delegate(), DelegateCommands.Votes(), DelegateCommands.Delegates(), StakeCommands.Stake(),
    TokenizerCommands.Tokenizer(), TrainCommand.Train(), TrainCommand.Eval(), ModelCommands.Model(), GenerateCommand.Generate(), ModelCommands.Embed(),
    ServeCommands.Node(), ServeCommands.Verifier(), ServeCommands.Guardian(), ServeCommands.Runner(), ServeCommands.Executor(), BenchCommand.Create(),
    MailCommand.Create(), DoctorCommand.Create(), BackupCommands.Backup(), BackupCommands.Restore(),
})
    root.Subcommands.Add(command);
return await Shared.RunAsync(root, args);
