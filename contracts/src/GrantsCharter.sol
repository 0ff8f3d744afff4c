// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetGovernor} from "./AssetGovernor.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";
import {Stakes} from "./Stakes.sol";

/// @title What the owners have laid down about uses: the charter, and what it bounds
/// @notice The privacy budget and the standing offer are counted in periods; snapshots say what uses can be asked for.
/// Knows nothing of requests or their money. Formats: specs/grants.md.
abstract contract GrantsCharter {
    /// @notice Part of the price of each use that goes to somebody before the owners.
    struct Fee {
        address recipient;
        uint16 basisPoints;
    }

    /// @notice Queries that need no vote. They draw on the same privacy budget.
    struct Standing {
        /// Least price of a use, in payment units.
        uint96 minimumPrice;
        /// Most epsilon of a use, in millionths.
        uint64 maximumEpsilon;
        uint32 minimumGroupSize;
        /// Uses that can be had so in a period; 0: every use takes a vote.
        uint32 uses;
    }

    /// @notice What the owners have laid down about uses and their money; they change it by a vote on the constitution.
    struct Charter {
        /// Seconds a runner has for an opened use.
        uint32 useTime;
        /// Fewest members that a cell of an output can have.
        uint32 minimumGroupSize;
        /// Contributions that must come in before the data can be looked at anew.
        uint32 minimumSnapshotLeaves;
        /// Seconds after a result in which another runner can dispute it; 0: a result is settled as it is posted.
        uint32 challengeTime;
        /// Seconds of a period, of the privacy budget and of the standing offer.
        uint32 period;
        /// What the epsilon of all uses opened in a period can sum to, in millionths.
        uint64 budget;
        /// Payment units that a runner has at stake for each use it computes, and loses by a wrong result.
        uint96 runnerStake;
        /// Payment units that a verifier must have at stake for its signature to count.
        uint96 verifierStake;
        Standing standing;
        Fee[] fees;
    }

    uint256 public constant MAX_FEES = 8;
    /// @notice Most of a price that fees can take together, in basis points.
    uint256 public constant MAX_FEE_POINTS = 3000;

    ShareToken public token;
    Registry public registry;
    Ledger public ledger;
    AssetGovernor public governor;
    Stakes public stakes;
    address public timelock;
    Charter internal _charter;

    /// @notice First second of the running period; 0 before the first use of a query.
    uint64 public periodStart;
    /// @notice Epsilon of the uses opened in that period, in millionths.
    uint64 public spent;
    /// @notice Uses that were granted by the standing offer in that period.
    uint32 public standingUses;

    /// @notice The snapshot that requests name now; 0 before the first.
    uint64 public snapshotEpoch;
    /// @notice The ledger's leaves up to the snapshot.
    uint256 public snapshotLeaves;
    /// @notice When a snapshot was taken, in seconds; what was withdrawn earlier is not part of it.
    mapping(uint64 epoch => uint256 timestamp) public snapshotAt;

    event CharterChanged(Charter charter);
    event SnapshotTaken(uint64 indexed epoch, uint256 leaves);
    event BudgetSpent(bytes32 indexed request, uint64 periodStart, uint64 spent, uint32 standingUses);

    /// @notice A term is out of range: which one.
    error TermsOutOfRange(string term);
    /// @notice Fewer than minimumSnapshotLeaves contributions came in since the last snapshot: two snapshots so close
    /// would show what one member added.
    error SnapshotTooSmall(uint256 newLeaves, uint256 minimum);
    /// @notice The uses of this period have spent so much, or so many were had by the standing offer, that this one does not
    /// fit in.
    error BudgetExceeded(uint256 needed, uint256 budget);

    /// @notice The charter in force.
    function charter() external view returns (Charter memory) {
        return _charter;
    }

    /// @notice Payment units that a verifier must have at stake for its signature to count.
    function verifierStake() external view returns (uint96) {
        return _charter.verifierStake;
    }

    /// @notice Makes the latest epoch the one that requests name; anyone may, once enough contributions came in.
    function takeSnapshot() external {
        uint256 leaves = ledger.totalLeaves();
        uint256 added = leaves - snapshotLeaves;
        uint256 minimum = _charter.minimumSnapshotLeaves;
        if (added < minimum) revert SnapshotTooSmall(added, minimum);
        uint64 epoch = ledger.latestEpoch();
        (snapshotEpoch, snapshotLeaves) = (epoch, leaves);
        snapshotAt[epoch] = block.timestamp;
        emit SnapshotTaken(epoch, leaves);
    }

    function _setCharter(Charter calldata c) internal {
        if (c.useTime == 0 || c.useTime > 7 days) revert TermsOutOfRange("useTime");
        if (c.minimumGroupSize == 0) revert TermsOutOfRange("minimumGroupSize");
        if (c.minimumSnapshotLeaves == 0) revert TermsOutOfRange("minimumSnapshotLeaves");
        // A runner that can dispute without anything at stake holds up every payment for nothing.
        if (c.challengeTime > 30 days || (c.challengeTime != 0 && c.runnerStake == 0)) {
            revert TermsOutOfRange("challengeTime");
        }
        if (c.period == 0) revert TermsOutOfRange("period");
        if (c.standing.uses != 0 && (c.standing.minimumPrice == 0 || c.standing.maximumEpsilon == 0)) {
            revert TermsOutOfRange("standing");
        }
        uint256 points = 0;
        if (c.fees.length > MAX_FEES) revert TermsOutOfRange("fees");
        for (uint256 i = 0; i < c.fees.length; i++) {
            if (c.fees[i].recipient == address(0) || c.fees[i].basisPoints == 0) revert TermsOutOfRange("fees");
            points += c.fees[i].basisPoints;
        }
        if (points > MAX_FEE_POINTS) revert TermsOutOfRange("fees");
        _charter = c;
        emit CharterChanged(c);
    }

    /// Is there an offer that such a query fits?
    function _isOffered(uint256 price, uint64 epsilon, uint32 groupSize) internal view returns (bool) {
        Standing storage s = _charter.standing;
        return
            s.uses != 0 && price >= s.minimumPrice && epsilon <= s.maximumEpsilon && groupSize >= s.minimumGroupSize;
    }

    /// Begins a new period when it is time. What was released once is spent, whatever becomes of the use; so is a use of the
    /// standing offer, which counts here and not with the request, or who asks and lets it expire uses it up for nothing.
    function _spend(bytes32 id, uint64 epsilon, bool standing) internal {
        if (periodStart == 0 || block.timestamp >= uint256(periodStart) + _charter.period) {
            (periodStart, spent, standingUses) = (uint64(block.timestamp), 0, 0);
        }
        uint256 sum = uint256(spent) + epsilon;
        if (sum > _charter.budget) revert BudgetExceeded(sum, _charter.budget);
        spent = uint64(sum);
        if (standing && ++standingUses > _charter.standing.uses) {
            revert BudgetExceeded(standingUses, _charter.standing.uses);
        }
        emit BudgetSpent(id, periodStart, spent, standingUses);
    }
}
