using Trove.Core;

namespace Trove.Node.Protocol;

// The documents of stakes; see Documents.cs. Times are seconds of the chain.

/// <summary>What an operator has at stake, as the chain says.</summary>
/// <param name="Active">Counts for what it does.</param>
/// <param name="Leaving">Counts no more, but can still be taken away.</param>
/// <param name="LeavesAt">First second at which what is leaving can be withdrawn; null when nothing is.</param>
/// <param name="AtRisk">Of what is active, what the uses hang on that it computes or disputes: it cannot leave.</param>
/// <param name="NeededAsRunner">What must be active for it to open or dispute one more use.</param>
/// <param name="NeededAsVerifier">What must be active for its signature of a root to count.</param>
public sealed record StakeInfo(Address Asset, Address Account, Money Active, Money Leaving, long? LeavesAt, Money AtRisk, Money NeededAsRunner, Money NeededAsVerifier);

/// <summary>An operator puts money in, by its EIP-3009 authorization to the contract Stakes.</summary>
/// <param name="ValidBefore">The second from which the authorization counts no more.</param>
/// <param name="Nonce">32 random bytes.</param>
public sealed record DepositRequest(Address Account, Money Amount, long ValidBefore, Hash32 Nonce, string Signature);

/// <summary>An operator takes an amount out of what counts. The contract takes a signature once.</summary>
/// <param name="Deadline">Last second at which the signature counts.</param>
public sealed record UnstakeRequest(Money Amount, long Deadline, string Signature);

/// <summary>Stake that was taken away, as the contract has it.</summary>
/// <param name="Number">Its number, from 0.</param>
/// <param name="State">appealable while the owners can give it back, payable from <paramref name="FinalAt"/> on, closed when it is paid or given back: then the contract has forgotten the rest.</param>
/// <param name="Account">Whose it was; null when closed.</param>
/// <param name="To">Who gets it; null when closed.</param>
/// <param name="Amount">How much; 0 when closed.</param>
/// <param name="FinalAt">First second at which it is paid out; null when closed.</param>
public sealed record SlashingInfo(ulong Number, string State, Address? Account, Address? To, Money Amount, long? FinalAt);
