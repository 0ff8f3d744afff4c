// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {Grants} from "./Grants.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Who verifies an asset's contributions, under which policy, who guards its key and who runs its uses
/// @notice Every set of verifiers and every policy keeps its version number, so that what was signed under one can be
/// checked later. The guardians' committees are counted in epochs: no committee comes into force without the signature of every
/// one of its guardians, and after the first none without the owners' invitation. Formats: specs/chain.md.
contract Registry is EIP712Upgradeable {
    /// @notice Most verifiers of one set; bounds what reading or changing a set can cost.
    uint256 public constant MAX_VERIFIERS = 64;

    /// @notice Most guardians and most runners.
    uint256 public constant MAX_GUARDIANS = 16;
    uint256 public constant MAX_RUNNERS = 64;
    /// @notice How long a guardian's pause lasts, and how long that guardian then cannot pause again.
    uint256 public constant PAUSE = 3 days;
    uint256 public constant PAUSE_AGAIN = 30 days;

    /// @notice Who holds the asset's keys in shares, and who computes on what they release.
    struct Custody {
        /// Guardian i holds the shares at x = i + 1.
        address[] guardians;
        /// Share i of the custody key times the base point of edwards25519, compressed (RFC 8032, section 5.1.2).
        bytes32[] commitments;
        /// Share i of the key of nullifiers times the generator of ristretto255 (RFC 9496, section 4.3.2).
        bytes32[] oprfCommitments;
        /// Shares it takes to open a part, or to compute a nullifier.
        uint32 threshold;
        address[] runners;
    }

    /// @notice How a committee came to be (specs/custody.md).
    struct Ceremony {
        /// Hash of all that was said in the ceremony.
        bytes32 transcript;
        /// Each guardian's signature of `Committee`, in the order of the guardians.
        bytes[] confirmations;
    }

    struct VerifierSet {
        address[] verifiers;
        bytes32[] recipients;
        uint32 threshold;
    }

    bytes32 private constant COMMITTEE_TYPEHASH = keccak256(
        "Committee(uint32 epoch,uint32 threshold,address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,bytes32 recipient,bytes32 transcript)"
    );

    /// @notice May change verifiers and policy: the founder until the asset is mature, then the owners' votes.
    address public controller;
    /// @notice Carries out the owners' votes.
    address public timelock;
    /// @notice Where uses of the asset are granted. Guardians find it here, from the share token on, and believe no other.
    address public grants;
    /// @notice X25519 public key that contributions' parts are encrypted to (age).
    bytes32 public recipient;
    /// @notice Version of the verifier set in force, from 1.
    uint64 public verifierSetVersion;
    /// @notice Version of the policy in force, from 1.
    uint64 public policyVersion;

    /// @notice Hash of the policy text of a version; zero for a version that does not exist.
    mapping(uint64 version => bytes32) public policyHashAt;
    /// @notice Was the account a verifier in this version of the set?
    mapping(uint64 version => mapping(address account => bool)) public isVerifierAt;
    mapping(uint64 version => VerifierSet) private _sets;

    /// @notice Number of the committee in force, from 1; every change, a refresh too, is the next.
    uint32 public committeeEpoch;
    /// @notice Transcript of the ceremony that made the committee in force.
    bytes32 public transcript;
    /// @notice Nothing is released before this second.
    uint256 public pausedUntil;
    /// @notice May the account open uses?
    mapping(address account => bool) public isRunner;
    mapping(address guardian => uint256 timestamp) private _pauseAgainAt;
    Custody private _custody;
    address[] private _invited;
    uint32 private _invitedThreshold;

    event VerifiersChanged(uint64 indexed version, address[] verifiers, bytes32[] recipients, uint32 threshold);
    event PolicyChanged(uint64 indexed version, bytes32 policyHash);
    event GuardiansInvited(uint32 indexed epoch, address[] guardians, uint32 threshold);
    event GuardiansChanged(
        uint32 indexed epoch,
        address[] guardians,
        bytes32[] commitments,
        bytes32[] oprfCommitments,
        uint32 threshold,
        bytes32 transcript
    );
    event RunnersChanged(address[] runners);
    event PausedUntil(address indexed by, uint256 timestamp);
    event ControlTransferred(address indexed previousController, address indexed controller);

    /// @notice Only the controller may call this.
    error NotController(address caller);
    /// @notice The asset has too few owners or is too young for votes.
    error NotMature();
    /// @notice The threshold must be at least 1 and at most the number of verifiers.
    error ThresholdOutOfRange(uint256 threshold, uint256 verifiers);
    /// @notice More than MAX_VERIFIERS.
    error TooManyVerifiers(uint256 verifiers);
    /// @notice Give exactly one X25519 recipient for each verifier.
    error RecipientsMismatch(uint256 verifiers, uint256 recipients);
    /// @notice The same verifier twice.
    error DuplicateVerifier(address verifier);
    /// @notice The same X25519 recipient twice: one would read what another was assigned.
    error DuplicateRecipient(bytes32 recipient);
    /// @notice A verifier, guardian, runner, recipient, policy or controller is zero.
    error ZeroValue();
    /// @notice Only the timelock may call this: it takes a vote.
    error NotTimelock(address caller);
    /// @notice Only a guardian may call this.
    error NotGuardian(address caller);
    /// @notice 1 to MAX_GUARDIANS guardians with a commitment of each key and a confirmation each, and a threshold of 1 to
    /// their number.
    error CustodyOutOfRange(uint256 guardians, uint256 commitments, uint256 threshold);
    /// @notice The owners have invited nobody, or other guardians, or to another threshold.
    error NotInvited();
    /// @notice This is no signature of the guardian over this very committee.
    error NotConfirmed(address guardian);
    /// @notice The same guardian, commitment or runner twice; or a commitment of the former committee, whose share would
    /// still be good.
    error Duplicate();
    /// @notice More than MAX_RUNNERS.
    error TooManyRunners(uint256 runners);
    /// @notice This guardian paused the asset a short while ago.
    error PausedRecently(uint256 againAt);

    modifier onlyController() {
        if (msg.sender != controller) revert NotController(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(
        address controller_,
        address timelock_,
        address grants_,
        bytes32 recipient_,
        bytes32 policyHash_,
        VerifierSet calldata verifiers,
        Custody calldata custody_,
        Ceremony calldata ceremony
    ) external initializer {
        if (recipient_ == 0) revert ZeroValue();
        (controller, timelock, grants) = (controller_, timelock_, grants_);
        recipient = recipient_;
        emit ControlTransferred(address(0), controller_);
        _setPolicy(policyHash_);
        _setVerifiers(verifiers.verifiers, verifiers.recipients, verifiers.threshold);
        _setGuardians(custody_, ceremony);
        _setRunners(custody_.runners);
    }

    /// @notice Replaces the verifiers; signatures made for the former version no longer count.
    function setVerifiers(address[] calldata verifiers, bytes32[] calldata recipients, uint32 threshold_)
        external
        onlyController
    {
        _setVerifiers(verifiers, recipients, threshold_);
    }

    /// @notice Replaces the policy.
    function setPolicy(bytes32 policyHash_) external onlyController {
        _setPolicy(policyHash_);
    }

    /// @notice Replaces the runners, by the owners' vote.
    function setRunners(address[] calldata runners_) external {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        _setRunners(runners_);
    }

    /// @notice Invites guardians to make the next committee, by the owners' vote. It replaces an earlier invitation; an empty
    /// one takes it back. The committee in force stays until the invited have confirmed theirs.
    function inviteGuardians(address[] calldata guardians, uint32 threshold_) external {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        if (guardians.length != 0 || threshold_ != 0) _requireCommittee(guardians, threshold_);
        (_invited, _invitedThreshold) = (guardians, threshold_);
        emit GuardiansInvited(committeeEpoch + 1, guardians, threshold_);
    }

    /// @notice Who is invited to make the next committee; nobody if there is no invitation.
    function invitation() external view returns (address[] memory guardians, uint32 threshold_) {
        return (_invited, _invitedThreshold);
    }

    /// @notice Puts the invited committee into force. Anyone may send what all of its guardians have signed.
    function changeGuardians(
        address[] calldata guardians,
        bytes32[] calldata commitments,
        bytes32[] calldata oprfCommitments,
        uint32 threshold_,
        bytes32 transcript_,
        bytes[] calldata confirmations
    ) external {
        if (
            guardians.length == 0 || threshold_ != _invitedThreshold
                || keccak256(abi.encode(guardians)) != keccak256(abi.encode(_invited))
        ) revert NotInvited();
        delete _invited;
        delete _invitedThreshold;
        _setGuardians(
            Custody(guardians, commitments, oprfCommitments, threshold_, new address[](0)),
            Ceremony(transcript_, confirmations)
        );
    }

    /// @notice A guardian stops all releases for a while, on its own; the pause ends by itself.
    function pause() external {
        bool isGuardian = false;
        for (uint256 i = 0; i < _custody.guardians.length; i++) {
            isGuardian = isGuardian || _custody.guardians[i] == msg.sender;
        }
        if (!isGuardian) revert NotGuardian(msg.sender);
        // Kept when a guardian leaves: who comes back has not come back to pause again.
        if (block.timestamp < _pauseAgainAt[msg.sender]) revert PausedRecently(_pauseAgainAt[msg.sender]);
        _pauseAgainAt[msg.sender] = block.timestamp + PAUSE_AGAIN;
        // The owners' longer pause stands: no guardian shortens it.
        if (pausedUntil < block.timestamp + PAUSE) pausedUntil = block.timestamp + PAUSE;
        emit PausedUntil(msg.sender, pausedUntil);
    }

    /// @notice Stops all releases until this second, or lifts a pause (zero), by the owners' vote.
    function pauseUntil(uint256 timestamp) external {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        pausedUntil = timestamp;
        emit PausedUntil(msg.sender, timestamp);
    }

    /// @notice Guardians with their commitments and threshold, and runners.
    function custody() external view returns (Custody memory) {
        return _custody;
    }

    /// @notice Ends the founder's control for good, once the asset is mature; anyone may. The first request does.
    function handOver() external {
        if (controller == timelock) return;
        if (!Grants(grants).governor().isMature()) revert NotMature();
        emit ControlTransferred(controller, timelock);
        controller = timelock;
    }

    /// @notice Hash of the policy in force.
    function policyHash() external view returns (bytes32) {
        return policyHashAt[policyVersion];
    }

    /// @notice Signatures that an epoch root needs: m.
    function threshold() external view returns (uint32) {
        return _sets[verifierSetVersion].threshold;
    }

    /// @notice Is the account a verifier now?
    function isVerifier(address account) external view returns (bool) {
        return isVerifierAt[verifierSetVersion][account];
    }

    /// @notice The set of a version; empty for a version that does not exist.
    function verifierSet(uint64 version) external view returns (VerifierSet memory) {
        return _sets[version];
    }

    function _setPolicy(bytes32 policyHash_) private {
        if (policyHash_ == 0) revert ZeroValue();
        uint64 version = ++policyVersion;
        policyHashAt[version] = policyHash_;
        emit PolicyChanged(version, policyHash_);
    }

    function _setVerifiers(address[] calldata verifiers, bytes32[] calldata recipients, uint32 threshold_) private {
        uint256 n = verifiers.length;
        if (n > MAX_VERIFIERS) revert TooManyVerifiers(n);
        if (recipients.length != n) revert RecipientsMismatch(n, recipients.length);
        if (threshold_ == 0 || threshold_ > n) revert ThresholdOutOfRange(threshold_, n);
        uint64 version = ++verifierSetVersion;
        mapping(address => bool) storage members = isVerifierAt[version];
        for (uint256 i = 0; i < n; i++) {
            if (verifiers[i] == address(0) || recipients[i] == 0) revert ZeroValue();
            if (members[verifiers[i]]) revert DuplicateVerifier(verifiers[i]);
            members[verifiers[i]] = true;
            for (uint256 j = 0; j < i; j++) {
                if (recipients[j] == recipients[i]) revert DuplicateRecipient(recipients[i]);
            }
        }
        VerifierSet storage set = _sets[version];
        set.verifiers = verifiers;
        set.recipients = recipients;
        set.threshold = threshold_;
        emit VerifiersChanged(version, verifiers, recipients, threshold_);
    }

    function _requireCommittee(address[] memory guardians, uint256 threshold_) private pure {
        uint256 n = guardians.length;
        if (n > MAX_GUARDIANS || threshold_ == 0 || threshold_ > n) revert CustodyOutOfRange(n, n, threshold_);
        for (uint256 i = 0; i < n; i++) {
            if (guardians[i] == address(0)) revert ZeroValue();
            for (uint256 j = 0; j < i; j++) {
                if (guardians[j] == guardians[i]) revert Duplicate();
            }
        }
    }

    /// With a threshold of 1 every share is the key, before and after a change; above that no two may be the same, of the
    /// committee in force and the new one together.
    function _requireCommitments(bytes32[] memory added, bytes32[] memory former, uint256 n, uint256 threshold_)
        private
        pure
    {
        if (added.length != n) revert CustodyOutOfRange(n, added.length, threshold_);
        for (uint256 i = 0; i < n; i++) {
            if (added[i] == 0) revert ZeroValue();
            if (threshold_ == 1) continue;
            for (uint256 j = 0; j < i; j++) {
                if (added[j] == added[i]) revert Duplicate();
            }
            for (uint256 j = 0; j < former.length; j++) {
                if (former[j] == added[i]) revert Duplicate();
            }
        }
    }

    function _setGuardians(Custody memory c, Ceremony memory ceremony) private {
        uint256 n = c.guardians.length;
        _requireCommittee(c.guardians, c.threshold);
        _requireCommitments(c.commitments, _custody.commitments, n, c.threshold);
        _requireCommitments(c.oprfCommitments, _custody.oprfCommitments, n, c.threshold);
        if (ceremony.confirmations.length != n) {
            revert CustodyOutOfRange(n, ceremony.confirmations.length, c.threshold);
        }
        if (ceremony.transcript == 0) revert ZeroValue();
        uint32 epoch = ++committeeEpoch;
        bytes32 digest = _committeeDigest(c, epoch, ceremony.transcript);
        for (uint256 i = 0; i < n; i++) {
            (address signer,,) = ECDSA.tryRecover(digest, ceremony.confirmations[i]);
            if (signer != c.guardians[i]) revert NotConfirmed(c.guardians[i]);
        }
        (_custody.guardians, _custody.commitments, _custody.oprfCommitments, _custody.threshold) =
            (c.guardians, c.commitments, c.oprfCommitments, c.threshold);
        transcript = ceremony.transcript;
        emit GuardiansChanged(epoch, c.guardians, c.commitments, c.oprfCommitments, c.threshold, ceremony.transcript);
    }

    function _committeeDigest(Custody memory c, uint32 epoch, bytes32 transcript_) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    COMMITTEE_TYPEHASH,
                    epoch,
                    c.threshold,
                    // EIP-712 encodeData of an array: the hash of its members, each as one word.
                    keccak256(abi.encodePacked(c.guardians)),
                    keccak256(abi.encodePacked(c.commitments)),
                    keccak256(abi.encodePacked(c.oprfCommitments)),
                    recipient,
                    transcript_
                )
            )
        );
    }

    function _setRunners(address[] calldata runners_) private {
        if (runners_.length > MAX_RUNNERS) revert TooManyRunners(runners_.length);
        for (uint256 i = 0; i < _custody.runners.length; i++) {
            isRunner[_custody.runners[i]] = false;
        }
        for (uint256 i = 0; i < runners_.length; i++) {
            if (runners_[i] == address(0)) revert ZeroValue();
            if (isRunner[runners_[i]]) revert Duplicate();
            isRunner[runners_[i]] = true;
        }
        _custody.runners = runners_;
        emit RunnersChanged(runners_);
    }

    function _EIP712Name() internal pure override returns (string memory) {
        return "Trove Registry";
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
