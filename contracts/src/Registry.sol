// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/// @title Who verifies an asset's contributions, under which policy, who guards its key and who runs its uses
/// @notice Every set of verifiers and every policy keeps its version number, so that what was signed under one can be
/// checked later.
contract Registry is Initializable {
    /// @notice Most verifiers of one set; bounds what reading or changing a set can cost.
    uint256 public constant MAX_VERIFIERS = 64;

    /// @notice Most guardians and most runners.
    uint256 public constant MAX_GUARDIANS = 16;
    uint256 public constant MAX_RUNNERS = 64;
    /// @notice How long a guardian's pause lasts, and how long that guardian then cannot pause again.
    uint256 public constant PAUSE = 3 days;
    uint256 public constant PAUSE_AGAIN = 30 days;

    /// @notice Who holds the asset's key in shares, and who computes on what they release.
    struct Custody {
        /// Guardian i holds the share at x = i + 1.
        address[] guardians;
        /// Share i times the base point of edwards25519, compressed (RFC 8032, section 5.1.2).
        bytes32[] commitments;
        /// Shares it takes to open a part.
        uint32 threshold;
        address[] runners;
    }

    struct VerifierSet {
        address[] verifiers;
        bytes32[] recipients;
        uint32 threshold;
    }

    /// @notice May change verifiers and policy: the founder first, a timelock later.
    address public controller;
    /// @notice Carries out the owners' votes.
    address public timelock;
    /// @notice Where uses of the asset are granted. Guardians find it here, from the share token on, and believe no other.
    address public grants;
    /// @notice Was offered control and has not accepted yet.
    address public pendingController;
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

    /// @notice Nothing is released before this second.
    uint256 public pausedUntil;
    /// @notice May the account open uses?
    mapping(address account => bool) public isRunner;
    mapping(address guardian => uint256 timestamp) private _pauseAgainAt;
    Custody private _custody;

    event VerifiersChanged(uint64 indexed version, address[] verifiers, bytes32[] recipients, uint32 threshold);
    event PolicyChanged(uint64 indexed version, bytes32 policyHash);
    event GuardiansChanged(address[] guardians, bytes32[] commitments, uint32 threshold);
    event RunnersChanged(address[] runners);
    event PausedUntil(address indexed guardian, uint256 timestamp);
    event ControlOffered(address indexed controller, address indexed pendingController);
    event ControlTransferred(address indexed previousController, address indexed controller);

    /// @notice Only the controller may call this.
    error NotController(address caller);
    /// @notice Only the account that was offered control may accept it.
    error NotPendingController(address caller);
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
    /// @notice 1 to MAX_GUARDIANS guardians with a commitment each, and a threshold of 1 to their number.
    error CustodyOutOfRange(uint256 guardians, uint256 commitments, uint256 threshold);
    /// @notice The same guardian, commitment or runner twice.
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
        Custody calldata custody_
    ) external initializer {
        if (controller_ == address(0) || recipient_ == 0) revert ZeroValue();
        (controller, timelock, grants) = (controller_, timelock_, grants_);
        recipient = recipient_;
        emit ControlTransferred(address(0), controller_);
        _setPolicy(policyHash_);
        _setVerifiers(verifiers.verifiers, verifiers.recipients, verifiers.threshold);
        _setGuardians(custody_);
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

    /// @notice A guardian stops all releases for a while, on its own; the pause ends by itself.
    function pause() external {
        bool isGuardian = false;
        for (uint256 i = 0; i < _custody.guardians.length; i++) {
            isGuardian = isGuardian || _custody.guardians[i] == msg.sender;
        }
        if (!isGuardian) revert NotGuardian(msg.sender);
        if (block.timestamp < _pauseAgainAt[msg.sender]) revert PausedRecently(_pauseAgainAt[msg.sender]);
        _pauseAgainAt[msg.sender] = block.timestamp + PAUSE_AGAIN;
        pausedUntil = block.timestamp + PAUSE;
        emit PausedUntil(msg.sender, pausedUntil);
    }

    /// @notice Guardians with their commitments and threshold, and runners.
    function custody() external view returns (Custody memory) {
        return _custody;
    }

    /// @notice Offers control to another account, which must accept; zero takes an offer back.
    function transferControl(address to) external onlyController {
        pendingController = to;
        emit ControlOffered(msg.sender, to);
    }

    /// @notice Takes over control that was offered.
    function acceptControl() external {
        if (msg.sender != pendingController) revert NotPendingController(msg.sender);
        emit ControlTransferred(controller, msg.sender);
        controller = msg.sender;
        delete pendingController;
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

    function _setGuardians(Custody calldata c) private {
        uint256 n = c.guardians.length;
        if (n > MAX_GUARDIANS || c.commitments.length != n || c.threshold == 0 || c.threshold > n) {
            revert CustodyOutOfRange(n, c.commitments.length, c.threshold);
        }
        for (uint256 i = 0; i < n; i++) {
            if (c.guardians[i] == address(0) || c.commitments[i] == 0) revert ZeroValue();
            for (uint256 j = 0; j < i; j++) {
                if (c.guardians[j] == c.guardians[i] || c.commitments[j] == c.commitments[i]) revert Duplicate();
            }
        }
        (_custody.guardians, _custody.commitments, _custody.threshold) = (c.guardians, c.commitments, c.threshold);
        emit GuardiansChanged(c.guardians, c.commitments, c.threshold);
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
}
