// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";

/// @title Who serves an asset, and under which rules
/// @notice Verifiers and how many of them must agree, the asset's recipient key, the hash of its policy. Every set and
/// every policy keeps its version, so that old signatures can be checked against the set that was in force.
contract Registry is Initializable {
    /// @notice Most verifiers of a set: bounds the cost of everything that walks them.
    uint256 public constant MAX_VERIFIERS = 64;

    struct VerifierSet {
        address[] verifiers;
        bytes32[] recipients;
        uint32 threshold;
    }

    /// @notice May change verifiers and policy: the founder at first, a timelock under governance.
    address public controller;

    /// @notice Named to become controller; has to accept.
    address public pendingController;

    /// @notice X25519 public key of the asset's age recipient.
    bytes32 public recipient;

    /// @notice SHA-256 of the policy in force.
    bytes32 public policyHash;

    /// @notice Rises with every policy.
    uint64 public policyVersion;

    /// @notice Rises with every set of verifiers; 1 is the first.
    uint64 public verifierSetVersion;

    mapping(uint64 version => VerifierSet) private _sets;
    mapping(uint64 version => mapping(address verifier => bool)) private _isVerifier;

    event VerifiersChanged(uint64 indexed version, address[] verifiers, bytes32[] recipients, uint32 threshold);
    event PolicyChanged(uint64 indexed version, bytes32 policyHash);
    event ControllerNamed(address indexed pending);
    event ControllerChanged(address indexed controller);

    error OnlyController(address caller);
    error OnlyPendingController(address caller);
    error BadVerifierSet(uint256 verifiers, uint256 recipients, uint256 threshold);
    error BadVerifier(address verifier);
    error NoRecipient();

    modifier onlyController() {
        if (msg.sender != controller) revert OnlyController(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice Called once, by the factory, in the transaction that creates the clone.
    function initialize(
        address controller_,
        bytes32 recipient_,
        bytes32 policyHash_,
        address[] calldata verifiers_,
        bytes32[] calldata recipients_,
        uint32 threshold_
    ) external initializer {
        if (recipient_ == bytes32(0)) revert NoRecipient();
        controller = controller_;
        recipient = recipient_;
        emit ControllerChanged(controller_);
        _setVerifiers(verifiers_, recipients_, threshold_);
        _setPolicy(policyHash_);
    }

    /// @notice Replaces the verifiers; the old set stays readable under its version.
    function setVerifiers(address[] calldata verifiers_, bytes32[] calldata recipients_, uint32 threshold_) external onlyController {
        _setVerifiers(verifiers_, recipients_, threshold_);
    }

    /// @notice Puts another policy in force.
    function setPolicy(bytes32 policyHash_) external onlyController {
        _setPolicy(policyHash_);
    }

    /// @notice Names the next controller, which has to accept: a typing error would lose the asset.
    function nameController(address pending) external onlyController {
        pendingController = pending;
        emit ControllerNamed(pending);
    }

    /// @notice Takes over.
    function acceptController() external {
        if (msg.sender != pendingController) revert OnlyPendingController(msg.sender);
        controller = msg.sender;
        pendingController = address(0);
        emit ControllerChanged(msg.sender);
    }

    /// @notice The set of a version; the current one is `verifierSetVersion`.
    function verifierSet(uint64 version) external view returns (VerifierSet memory) {
        return _sets[version];
    }

    /// @notice How many verifiers of the current set must agree.
    function threshold() external view returns (uint32) {
        return _sets[verifierSetVersion].threshold;
    }

    /// @notice Is this a verifier of the current set?
    function isVerifier(address verifier) external view returns (bool) {
        return _isVerifier[verifierSetVersion][verifier];
    }

    function _setVerifiers(address[] calldata verifiers_, bytes32[] calldata recipients_, uint32 threshold_) private {
        uint256 n = verifiers_.length;
        if (n == 0 || n > MAX_VERIFIERS || recipients_.length != n || threshold_ == 0 || threshold_ > n) {
            revert BadVerifierSet(n, recipients_.length, threshold_);
        }
        uint64 version = ++verifierSetVersion;
        for (uint256 i = 0; i < n; i++) {
            if (verifiers_[i] == address(0) || recipients_[i] == bytes32(0) || _isVerifier[version][verifiers_[i]]) revert BadVerifier(verifiers_[i]);
            _isVerifier[version][verifiers_[i]] = true;
        }
        _sets[version] = VerifierSet(verifiers_, recipients_, threshold_);
        emit VerifiersChanged(version, verifiers_, recipients_, threshold_);
    }

    function _setPolicy(bytes32 policyHash_) private {
        policyHash = policyHash_;
        emit PolicyChanged(++policyVersion, policyHash_);
    }
}
