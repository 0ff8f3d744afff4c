// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ShareToken} from "./ShareToken.sol";
import {Registry} from "./Registry.sol";

/// @title What was contributed to an asset, epoch by epoch, and what it earned
/// @notice One root per epoch, signed by m verifiers, whatever the number of contributions. Posting mints the whole
/// reward to this contract, which holds it for its owners; anybody may claim for an owner.
contract Ledger is EIP712Upgradeable {
    struct EpochRoot {
        uint64 epoch;
        bytes32 previousRoot;
        bytes32 root;
        uint256 total;
        uint32 leaves;
        bytes32 treeHash;
        uint64 verifierSetVersion;
    }

    struct Claim {
        uint64 epoch;
        uint32 index;
        bytes32 contribution;
        address owner;
        uint256 amount;
        bytes32 partsRoot;
    }

    struct PostedEpoch {
        bytes32 root;
        uint256 accumulator;
        uint128 unclaimed;
    }

    bytes32 private constant EPOCH_ROOT_TYPEHASH = keccak256(
        "EpochRoot(uint64 epoch,bytes32 previousRoot,bytes32 root,uint256 total,uint32 leaves,bytes32 treeHash,uint64 verifierSetVersion)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256("Withdraw(address owner,bytes32 contribution,uint256 deadline)");

    /// @notice The asset's shares.
    ShareToken public token;

    /// @notice The asset's registry.
    Registry public registry;

    /// @notice Most shares one epoch may mint.
    uint256 public epochCap;

    /// @notice Number of the last posted epoch; 0 before the first.
    uint64 public lastEpoch;

    /// @notice Posted epochs by number.
    mapping(uint64 epoch => PostedEpoch) public epochs;

    /// @notice When a contribution was withdrawn; 0 if it was not.
    mapping(bytes32 contribution => uint256 timestamp) public withdrawnAt;

    mapping(uint64 epoch => mapping(uint256 word => uint256)) private _claimed;

    event EpochPosted(uint64 indexed epoch, bytes32 root, bytes32 previousRoot, uint256 total, uint32 leaves, bytes32 treeHash, uint256 accumulator);
    event SharesClaimed(uint64 indexed epoch, uint32 index, bytes32 indexed contribution, address indexed owner, uint256 amount);
    event ContributionWithdrawn(bytes32 indexed contribution, address indexed owner);

    error WrongEpoch(uint64 given, uint64 expected);
    error WrongPreviousRoot(bytes32 given, bytes32 expected);
    error WrongVerifierSet(uint64 given, uint64 current);
    error OverCap(uint256 total, uint256 cap);
    error TooFewSignatures(uint256 given, uint256 needed);
    error NotAVerifier(address signer);
    error SignersNotAscending(address signer, address previous);
    error UnknownEpoch(uint64 epoch);
    error AlreadyClaimed(uint64 epoch, uint32 index);
    error WrongProof(uint64 epoch, uint32 index);
    error OverEpochTotal(uint64 epoch);
    error LengthsDiffer();
    error DeadlinePassed(uint256 deadline);
    error WrongSignature(address owner);
    error AlreadyWithdrawn(bytes32 contribution);

    constructor() {
        _disableInitializers();
    }

    /// @notice Called once, by the factory, in the transaction that creates the clone.
    function initialize(ShareToken token_, Registry registry_, uint256 epochCap_) external initializer {
        __EIP712_init("Trove Ledger", "1");
        token = token_;
        registry = registry_;
        epochCap = epochCap_;
    }

    /// @notice Posts an epoch. Anybody may bring it; what counts are the verifiers' signatures.
    /// @param signatures of at least m verifiers of the current set, in ascending order of their addresses
    function postEpoch(EpochRoot calldata r, bytes[] calldata signatures) external {
        if (r.epoch != lastEpoch + 1) revert WrongEpoch(r.epoch, lastEpoch + 1);
        bytes32 previous = epochs[lastEpoch].root;
        if (r.previousRoot != previous) revert WrongPreviousRoot(r.previousRoot, previous);
        if (r.total > epochCap) revert OverCap(r.total, epochCap);
        _checkSignatures(r, signatures);

        uint256 accumulator = token.accumulator();
        lastEpoch = r.epoch;
        epochs[r.epoch] = PostedEpoch(r.root, accumulator, uint128(r.total));
        emit EpochPosted(r.epoch, r.root, r.previousRoot, r.total, r.leaves, r.treeHash, accumulator);
        token.mint(r.total);
    }

    /// @notice Hands one leaf's shares to its owner, with the dividends since posting.
    function claim(Claim calldata c, bytes32[] calldata proof) external {
        _claim(c, proof);
    }

    /// @notice Hands many leaves' shares to their owners.
    function claimMany(Claim[] calldata claims, bytes32[][] calldata proofs) external {
        if (claims.length != proofs.length) revert LengthsDiffer();
        for (uint256 i = 0; i < claims.length; i++) {
            _claim(claims[i], proofs[i]);
        }
    }

    /// @notice Marks a contribution as withdrawn, by its owner or with its owner's signature.
    /// @param salt the random salt the contribution's id was made with; shows whose it is
    function withdraw(address owner, bytes32 salt, uint256 deadline, bytes calldata signature) external {
        bytes32 contribution = contributionId(owner, salt);
        if (withdrawnAt[contribution] != 0) revert AlreadyWithdrawn(contribution);
        if (msg.sender != owner) {
            if (block.timestamp > deadline) revert DeadlinePassed(deadline);
            bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(WITHDRAW_TYPEHASH, owner, contribution, deadline)));
            if (!SignatureChecker.isValidSignatureNow(owner, digest, signature)) revert WrongSignature(owner);
        }
        withdrawnAt[contribution] = block.timestamp;
        emit ContributionWithdrawn(contribution, owner);
    }

    /// @notice The id of a contribution: bound to chain, ledger and owner.
    function contributionId(address owner, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), owner, salt));
    }

    /// @notice Was a leaf claimed?
    function isClaimed(uint64 epoch, uint32 index) public view returns (bool) {
        return _claimed[epoch][index >> 8] & (1 << (index & 0xff)) != 0;
    }

    function _claim(Claim calldata c, bytes32[] calldata proof) private {
        PostedEpoch storage posted = epochs[c.epoch];
        if (c.epoch == 0 || c.epoch > lastEpoch) revert UnknownEpoch(c.epoch);
        if (isClaimed(c.epoch, c.index)) revert AlreadyClaimed(c.epoch, c.index);
        // Hashed twice, so that no inner node of the tree can pass for a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(c.epoch, c.index, c.contribution, c.owner, c.amount, c.partsRoot))));
        if (!MerkleProof.verifyCalldata(proof, posted.root, leaf)) revert WrongProof(c.epoch, c.index);
        if (c.amount > posted.unclaimed) revert OverEpochTotal(c.epoch);
        posted.unclaimed -= uint128(c.amount);
        _claimed[c.epoch][c.index >> 8] |= 1 << (c.index & 0xff);
        emit SharesClaimed(c.epoch, c.index, c.contribution, c.owner, c.amount);
        token.release(c.owner, c.amount, posted.accumulator);
    }

    function _checkSignatures(EpochRoot calldata r, bytes[] calldata signatures) private view {
        uint64 version = registry.verifierSetVersion();
        if (r.verifierSetVersion != version) revert WrongVerifierSet(r.verifierSetVersion, version);
        uint256 needed = registry.threshold();
        if (signatures.length < needed) revert TooFewSignatures(signatures.length, needed);
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(EPOCH_ROOT_TYPEHASH, r.epoch, r.previousRoot, r.root, r.total, r.leaves, r.treeHash, r.verifierSetVersion))
        );
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(signer, previous); // also refuses one signer twice
            if (!registry.isVerifier(signer)) revert NotAVerifier(signer);
            previous = signer;
        }
    }
}
