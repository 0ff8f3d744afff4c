// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/// @title Who verifies an asset's contributions, and under which policy
/// @notice Every set of verifiers and every policy keeps its version number, so that what was signed under one can be
/// checked later.
contract Registry is Initializable {
    /// @notice Most verifiers of one set; bounds what reading or changing a set can cost.
    uint256 public constant MAX_VERIFIERS = 64;

    struct VerifierSet {
        address[] verifiers;
        bytes32[] recipients;
        uint32 threshold;
    }

    /// @notice May change verifiers and policy: the founder first, a timelock later.
    address public controller;
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

    event VerifiersChanged(uint64 indexed version, address[] verifiers, bytes32[] recipients, uint32 threshold);
    event PolicyChanged(uint64 indexed version, bytes32 policyHash);
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
    /// @notice A verifier, recipient, policy or controller is zero.
    error ZeroValue();

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
        bytes32 recipient_,
        bytes32 policyHash_,
        address[] calldata verifiers,
        bytes32[] calldata recipients,
        uint32 threshold_
    ) external initializer {
        if (controller_ == address(0) || recipient_ == 0) revert ZeroValue();
        controller = controller_;
        recipient = recipient_;
        emit ControlTransferred(address(0), controller_);
        _setPolicy(policyHash_);
        _setVerifiers(verifiers, recipients, threshold_);
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
}
