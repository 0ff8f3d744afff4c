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
var commands = new (string Name, Func<Command> Create)[]
{
    ("demo", DemoCommand.Create), ("inspect", InspectCommands.Inspect), ("records", InspectCommands.Records), ("contribute", ContributeCommands.Contribute), ("contributions", ContributeCommands.Contributions),
    ("withdraw", ContributeCommands.Withdraw), ("balance", MoneyCommands.Balance), ("claim", MoneyCommands.Claim), ("explain", MoneyCommands.Explain), ("pay", MoneyCommands.Pay),
    ("asset", AssetCommands.Asset), ("epoch", AssetCommands.Epoch), ("key", KeyCommands.Key), ("encrypt", KeyCommands.Encrypt), ("decrypt", KeyCommands.Decrypt),
    ("request", RequestCommands.Request), ("requests", RequestCommands.Requests), ("result", RequestCommands.Result), ("settle", RequestCommands.Settle), ("proposals", VoteCommands.Proposals), ("propose", VoteCommands.Propose),
    ("vote", VoteCommands.Vote), ("execute", VoteCommands.Execute), ("proposal", ProposalCommands.Proposal), ("delegate", DelegateCommands.Delegate), ("votes", DelegateCommands.Votes),
    ("delegates", DelegateCommands.Delegates), ("stake", StakeCommands.Stake),
    ("tokenizer", TokenizerCommands.Tokenizer), ("train", TrainCommand.Train), ("eval", TrainCommand.Eval), ("model", ModelCommands.Model), ("generate", GenerateCommand.Generate), ("embed", ModelCommands.Embed),
    ("node", ServeCommands.Node), ("verifier", ServeCommands.Verifier), ("guardian", ServeCommands.Guardian), ("runner", ServeCommands.Runner), ("execute-use", ServeCommands.Executor), ("bench", BenchCommand.Create),
    ("mail", MailCommand.Create), ("code", CodeCommand.Create), ("doctor", DoctorCommand.Create), ("backup", BackupCommands.Backup), ("restore", BackupCommands.Restore),
};
// Making all of them takes longer than many a command: where one is named, it is enough.
foreach (var (_, create) in Array.Exists(commands, IsNamed) ? Array.FindAll(commands, IsNamed) : commands)
    root.Subcommands.Add(create());
return await Shared.RunAsync(root, args);

bool IsNamed((string Name, Func<Command> Create) command) => args is [var first, ..] && command.Name == first;
