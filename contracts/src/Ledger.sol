// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Grants} from "./Grants.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";
import {Stakes} from "./Stakes.sol";

/// @title What an asset's contributions earned
/// @notice Verifiers sign one Merkle root an epoch over all shares earned in it. Its total is minted here at once, vests in
/// equal steps with the epochs that follow, and anyone may hand each owner what has vested by a proof. What has not when a
/// contribution is withdrawn lapses. Formats: specs/chain.md.
contract Ledger is EIP712Upgradeable {
    /// @notice What m verifiers sign to post an epoch.
    struct EpochRoot {
        uint64 epoch;
        bytes32 previousRoot;
        bytes32 root;
        uint256 total;
        uint32 leaves;
        bytes32 treeHash;
        uint64 verifierSetVersion;
    }

    /// @notice The content of a leaf: what one contribution earned in one epoch.
    struct Claim {
        uint64 epoch;
        uint32 index;
        bytes32 contribution;
        address owner;
        uint256 amount;
        bytes32 partsRoot;
    }

    /// @notice A posted epoch; the accumulator is that of the share token when the total was minted.
    struct Epoch {
        bytes32 root;
        uint128 total;
        uint128 claimed;
        uint192 accumulator;
        uint32 leaves;
        /// Hash of all rewards, those of nothing too: what is known of earlier epochs hangs on them (specs/rewards.md).
        bytes32 treeHash;
    }

    /// @notice When a contribution was withdrawn.
    struct Withdrawal {
        uint64 timestamp;
        /// The last epoch that had been posted.
        uint64 epoch;
    }

    /// @notice Most epochs that shares can take to vest: what four bits a leaf can count.
    uint256 public constant MAX_VESTING = 15;

    bytes32 private constant EPOCH_ROOT_TYPEHASH = keccak256(
        "EpochRoot(uint64 epoch,bytes32 previousRoot,bytes32 root,uint256 total,uint32 leaves,bytes32 treeHash,uint64 verifierSetVersion)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH =
        keccak256("Withdraw(address owner,bytes32 contribution,uint256 deadline)");

    ShareToken public token;
    Registry public registry;
    /// @notice Most shares one epoch can mint.
    uint256 public epochCap;
    Stakes public stakes;
    /// @notice Epochs after its own in which what a contribution earned vests, in equal steps; 0: at once.
    uint8 public vestingEpochs;
    /// @notice Number of the last epoch posted; 0 before the first.
    uint64 public latestEpoch;
    /// @notice Leaves of all epochs posted: contributions that earned.
    uint128 public totalLeaves;
    mapping(bytes32 contribution => Withdrawal) private _withdrawals;
    mapping(uint64 number => Epoch) private _epochs;
    /// Steps of each leaf that were handed out or have lapsed, four bits each.
    mapping(uint64 number => mapping(uint256 word => uint256 bits)) private _claimed;

    event EpochPosted(
        uint64 indexed epoch,
        bytes32 root,
        bytes32 previousRoot,
        uint256 total,
        uint32 leaves,
        bytes32 treeHash,
        uint256 accumulator
    );
    event SharesClaimed(
        uint64 indexed epoch, uint32 index, bytes32 indexed contribution, address indexed owner, uint256 amount
    );
    event SharesLapsed(
        uint64 indexed epoch, uint32 index, bytes32 indexed contribution, address indexed owner, uint256 amount
    );
    event ContributionWithdrawn(bytes32 indexed contribution, address indexed owner);

    /// @notice The cap must be above zero and at most the share token's MAX_SUPPLY.
    error EpochCapOutOfRange(uint256 epochCap);
    /// @notice More than MAX_VESTING.
    error VestingOutOfRange(uint8 epochs);
    /// @notice The verifier has too little at stake for its signature to count.
    error StakeTooSmall(address verifier, uint256 stake, uint256 needed);
    /// @notice Epochs are posted in order, without gaps.
    error EpochOutOfOrder(uint64 given, uint64 expected);
    /// @notice The root does not continue the last one posted.
    error PreviousRootMismatch(bytes32 given, bytes32 expected);
    /// @notice The epoch would mint more than epochCap.
    error EpochCapExceeded(uint256 total, uint256 epochCap);
    /// @notice Root zero means no leaves and no total; anything else needs a root and leaves.
    error MalformedEpoch(bytes32 root, uint256 total, uint32 leaves);
    /// @notice Signed for another verifier set: have the current one sign.
    error VerifierSetMismatch(uint64 given, uint64 current);
    /// @notice Fewer signatures than the registry's threshold.
    error TooFewSignatures(uint256 given, uint256 threshold);
    /// @notice Signatures must be in ascending order of signer, each signer once.
    error SignersNotAscending(address previous, address signer);
    /// @notice The signer is no verifier of the current set; or the signature is for other data.
    error NotVerifier(address signer);
    /// @notice The epoch has not been posted or has no such leaf.
    error UnknownLeaf(uint64 epoch, uint32 index);
    /// @notice These shares were claimed before, or no more of them has vested.
    error AlreadyClaimed(uint64 epoch, uint32 index);
    /// @notice The proof does not lead from this claim to the epoch's root.
    error InvalidProof(uint64 epoch, uint32 index);
    /// @notice The leaves of the epoch sum to more than its signed total; the epoch was signed wrongly.
    error TotalExceeded(uint64 epoch, uint256 claimed, uint256 total);
    /// @notice The claims of one batch are leaves of one epoch, each the next after the one before.
    error NotSideBySide(uint64 epoch, uint32 index);
    /// @notice The signature's deadline has passed: sign anew.
    error SignatureExpired(uint256 deadline);
    /// @notice The signature is not the owner's.
    error NotOwner(address signer, address owner);
    /// @notice The contribution was withdrawn before.
    error AlreadyWithdrawn(bytes32 contribution);

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(
        ShareToken token_,
        Registry registry_,
        Stakes stakes_,
        uint256 epochCap_,
        uint8 vestingEpochs_
    ) external initializer {
        if (epochCap_ == 0 || epochCap_ > token_.MAX_SUPPLY()) revert EpochCapOutOfRange(epochCap_);
        if (vestingEpochs_ > MAX_VESTING) revert VestingOutOfRange(vestingEpochs_);
        (token, registry, stakes) = (token_, registry_, stakes_);
        (epochCap, vestingEpochs) = (epochCap_, vestingEpochs_);
    }

    /// @notice Posts the next epoch and mints its total to this contract; anyone may send what m verifiers signed.
    /// @param signatures 65 bytes (r, s, v) each, in ascending order of the signers' addresses.
    function postEpoch(EpochRoot calldata r, bytes[] calldata signatures) external {
        uint64 expected = latestEpoch + 1;
        if (r.epoch != expected) revert EpochOutOfOrder(r.epoch, expected);
        bytes32 previous = _epochs[latestEpoch].root;
        if (r.previousRoot != previous) revert PreviousRootMismatch(r.previousRoot, previous);
        if (r.total > epochCap) revert EpochCapExceeded(r.total, epochCap);
        if ((r.leaves == 0) != (r.root == 0) || (r.leaves == 0 && r.total != 0)) {
            revert MalformedEpoch(r.root, r.total, r.leaves);
        }
        _checkSignatures(r, signatures);

        uint256 accumulator = token.accumulator();
        (latestEpoch, totalLeaves) = (expected, totalLeaves + r.leaves);
        _epochs[expected] = Epoch({
            root: r.root,
            total: SafeCast.toUint128(r.total),
            claimed: 0,
            accumulator: SafeCast.toUint192(accumulator),
            leaves: r.leaves,
            treeHash: r.treeHash
        });
        if (r.total != 0) token.mint(r.total);
        emit EpochPosted(r.epoch, r.root, r.previousRoot, r.total, r.leaves, r.treeHash, accumulator);
    }

    /// @notice Hands an owner what has vested of one contribution's shares; anyone may call it.
    function claim(Claim calldata c, bytes32[] calldata proof) external {
        Epoch storage e = _epochs[c.epoch];
        if (c.index >= e.leaves) revert UnknownLeaf(c.epoch, c.index);
        if (!MerkleProof.verifyCalldata(proof, e.root, leafOf(c))) revert InvalidProof(c.epoch, c.index);
        (bool marked, uint256 vested, uint256 lapsed) = _mark(e, c);
        if (!marked) revert AlreadyClaimed(c.epoch, c.index);
        if (vested != 0) token.release(c.owner, vested, e.accumulator);
        if (lapsed != 0) token.lapse(lapsed, e.accumulator);
    }

    /// @notice Hands owners the shares of many contributions, whose leaves stand side by side in one epoch: what they need of
    /// the tree besides themselves is two nodes a layer at most, however many they are. Claims already made are passed over,
    /// so that nobody can make a batch fail by claiming one of it first.
    /// @param proof The nodes beside the range from the leaves up, of each layer the left one first.
    /// @return released How many of the claims were new.
    function claimMany(Claim[] calldata claims, bytes32[] calldata proof) external returns (uint256 released) {
        uint256 n = claims.length;
        if (n == 0) return 0;
        (uint64 epoch, uint256 first) = (claims[0].epoch, claims[0].index);
        Epoch storage e = _epochs[epoch];
        if (first + n > e.leaves) revert UnknownLeaf(epoch, uint32(first + n - 1));
        bytes32[] memory leaves = new bytes32[](n);
        for (uint256 i = 0; i < n; i++) {
            Claim calldata c = claims[i];
            if (c.epoch != epoch || c.index != first + i) revert NotSideBySide(c.epoch, c.index);
            leaves[i] = leafOf(c);
        }
        if (_rootOf(leaves, first, e.leaves, proof) != e.root) revert InvalidProof(epoch, uint32(first));
        return _handOut(e, claims);
    }

    /// @notice Marks the caller's own contribution, or that of an owner who signed for it, as withdrawn for good.
    /// @param salt The salt the contribution's identifier was made with.
    /// @param deadline Last second at which the signature counts; not read when the owner calls.
    function withdraw(address owner, bytes32 salt, uint256 deadline, bytes calldata signature) external {
        bytes32 contribution = contributionOf(owner, salt);
        if (_withdrawals[contribution].timestamp != 0) revert AlreadyWithdrawn(contribution);
        if (msg.sender != owner) {
            if (block.timestamp > deadline) revert SignatureExpired(deadline);
            bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(WITHDRAW_TYPEHASH, owner, contribution, deadline)));
            address signer = ECDSA.recoverCalldata(digest, signature);
            if (signer != owner) revert NotOwner(signer, owner);
        }
        _withdrawals[contribution] = Withdrawal(uint64(block.timestamp), latestEpoch);
        emit ContributionWithdrawn(contribution, owner);
    }

    /// @notice Identifier of the contribution an owner makes with a salt.
    function contributionOf(address owner, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), owner, salt));
    }

    /// @notice Time at which a contribution was withdrawn, in seconds; 0 when it was not.
    function withdrawnAt(bytes32 contribution) external view returns (uint256) {
        return _withdrawals[contribution].timestamp;
    }

    /// @notice What verifiers sign (EIP-712).
    function rootDigest(EpochRoot calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(EPOCH_ROOT_TYPEHASH, r)));
    }

    /// @notice A posted epoch; all zero for one that was not posted.
    function epochOf(uint64 number) external view returns (Epoch memory) {
        return _epochs[number];
    }

    /// @notice The share token's accumulator when the epoch's total was minted.
    function accumulatorAtPosting(uint64 number) external view returns (uint256) {
        return _epochs[number].accumulator;
    }

    /// @notice Was all of this leaf handed out, or has the rest lapsed?
    function isClaimed(uint64 number, uint32 index) external view returns (bool) {
        return stepsOf(number, index) == _steps();
    }

    /// @notice Steps of this leaf that were handed out or have lapsed, of vestingEpochs, or of 1.
    function stepsOf(uint64 number, uint32 index) public view returns (uint256) {
        return _claimed[number][index >> 6] >> ((index & 63) << 2) & 15;
    }

    /// @notice The leaf of a claim. Hashed twice, so that no inner node of a tree can pass for one.
    function leafOf(Claim calldata c) public pure returns (bytes32) {
        return keccak256(
            bytes.concat(keccak256(abi.encode(c.epoch, c.index, c.contribution, c.owner, c.amount, c.partsRoot)))
        );
    }

    function _handOut(Epoch storage e, Claim[] calldata claims) private returns (uint256 released) {
        uint256 pending = 0;
        uint256 lapsing = 0;
        for (uint256 i = 0; i < claims.length; i++) {
            (bool marked, uint256 vested, uint256 lapsed) = _mark(e, claims[i]);
            if (marked) released++;
            pending += vested;
            lapsing += lapsed;
            // One release for all that stand together of one owner.
            if (pending != 0 && (i + 1 == claims.length || claims[i + 1].owner != claims[i].owner)) {
                token.release(claims[i].owner, pending, e.accumulator);
                pending = 0;
            }
        }
        if (lapsing != 0) token.lapse(lapsing, e.accumulator);
    }

    function _steps() private view returns (uint256) {
        return vestingEpochs == 0 ? 1 : vestingEpochs;
    }

    /// Marks what is due of a claim that is a leaf of the epoch, and says how much vests and lapses with it; nothing is marked
    /// when nothing is due.
    function _mark(Epoch storage e, Claim calldata c) private returns (bool marked, uint256 vested, uint256 lapsed) {
        uint256 steps = _steps();
        uint256 done = stepsOf(c.epoch, c.index);
        Withdrawal storage w = _withdrawals[c.contribution];
        bool withdrawn = vestingEpochs != 0 && w.timestamp != 0;
        uint256 due = _due(c.epoch, withdrawn ? w.epoch : latestEpoch);
        uint256 mark = withdrawn ? steps : due;
        if (mark == done) return (false, 0, 0);
        marked = true;
        // Rounded down at each step, so that all steps together are the whole.
        vested = c.amount * due / steps - c.amount * done / steps;
        if (withdrawn) lapsed = c.amount - c.amount * due / steps;
        uint256 claimed = e.claimed + vested + lapsed;
        if (claimed > e.total) revert TotalExceeded(c.epoch, claimed, e.total);
        e.claimed = uint128(claimed);
        uint256 shift = (c.index & 63) << 2;
        _claimed[c.epoch][c.index >> 6] += (mark - done) << shift;
        if (vested != 0 || !withdrawn) emit SharesClaimed(c.epoch, c.index, c.contribution, c.owner, vested);
        // Also of nothing: whoever replays the events knows what is marked.
        if (lapsed != 0 || (withdrawn && vested == 0)) {
            emit SharesLapsed(c.epoch, c.index, c.contribution, c.owner, lapsed);
        }
    }

    /// Steps that have vested when this is the latest epoch.
    function _due(uint64 epoch, uint64 latest) private view returns (uint256) {
        if (vestingEpochs == 0) return 1;
        uint256 passed = latest > epoch ? latest - epoch : 0;
        return passed < vestingEpochs ? passed : vestingEpochs;
    }

    /// The root over nodes that stand side by side from position first on, in a layer of size nodes; zero for a proof of
    /// another length than they need. An odd last node moves up unchanged (specs/chain.md).
    function _rootOf(bytes32[] memory nodes, uint256 first, uint256 size, bytes32[] calldata proof)
        private
        pure
        returns (bytes32)
    {
        uint256 count = nodes.length;
        uint256 used = 0;
        for (; size > 1; size = (size + 1) >> 1) {
            uint256 from = 0;
            uint256 to = 0;
            if (first & 1 != 0) {
                if (used == proof.length) return 0;
                nodes[to++] = Hashes.commutativeKeccak256(proof[used++], nodes[from++]);
            }
            for (; from + 1 < count; from += 2) {
                nodes[to++] = Hashes.commutativeKeccak256(nodes[from], nodes[from + 1]);
            }
            if (from < count) {
                bytes32 node = nodes[from];
                if (first + from + 1 < size) {
                    if (used == proof.length) return 0;
                    node = Hashes.commutativeKeccak256(node, proof[used++]);
                }
                nodes[to++] = node;
            }
            (first, count) = (first >> 1, to);
        }
        return used == proof.length ? nodes[0] : bytes32(0);
    }

    function _checkSignatures(EpochRoot calldata r, bytes[] calldata signatures) private view {
        uint64 version = registry.verifierSetVersion();
        if (r.verifierSetVersion != version) revert VerifierSetMismatch(r.verifierSetVersion, version);
        uint256 threshold = registry.threshold();
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        bytes32 digest = rootDigest(r);
        uint256 needed = Grants(registry.grants()).verifierStake();
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!registry.isVerifier(signer)) revert NotVerifier(signer);
            if (needed != 0 && stakes.activeOf(signer) < needed) {
                revert StakeTooSmall(signer, stakes.activeOf(signer), needed);
            }
            previous = signer;
        }
    }

    function _EIP712Name() internal pure override returns (string memory) {
        return "Trove Ledger";
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
