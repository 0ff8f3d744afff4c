// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GovernorUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/GovernorUpgradeable.sol";
import {GovernorCountingSimpleUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorCountingSimpleUpgradeable.sol";
import {GovernorNoncesKeyedUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorNoncesKeyedUpgradeable.sol";
import {GovernorPreventLateQuorumUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorPreventLateQuorumUpgradeable.sol";
import {GovernorSettingsUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorSettingsUpgradeable.sol";
import {GovernorTimelockControlUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorTimelockControlUpgradeable.sol";
import {GovernorVotesUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorVotesUpgradeable.sol";
import {GovernorVotesQuorumFractionUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorVotesQuorumFractionUpgradeable.sol";
import {NoncesUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/NoncesUpgradeable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {AssetTimelock} from "./AssetTimelock.sol";
import {Grants} from "./Grants.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";

/// @title The owners' votes
/// @notice OpenZeppelin's Governor on the share token, held to a short list of actions. Voting costs no gas: ballots are
/// signed (EIP-712) and anyone sends them, each with a nonce of its own proposal, so that no order of sending matters.
contract AssetGovernor is
    GovernorSettingsUpgradeable,
    GovernorCountingSimpleUpgradeable,
    GovernorVotesQuorumFractionUpgradeable,
    GovernorPreventLateQuorumUpgradeable,
    GovernorNoncesKeyedUpgradeable,
    GovernorTimelockControlUpgradeable
{
    /// @notice How an asset decides. Times in seconds.
    struct Governance {
        uint48 votingDelay;
        uint32 votingPeriod;
        /// How long a vote goes on at least after the quorum was reached.
        uint48 voteExtension;
        uint48 timelockDelay;
        /// Share of all shares that must vote for or abstain.
        uint16 quorumPercent;
        /// Shares that must vote for or abstain at least, whatever the supply.
        uint256 quorumFloor;
        /// No proposals before there are so many owners, and before the asset is so old.
        uint32 minimumOwners;
        uint32 minimumAge;
        /// Votes it takes to propose anything but a buyer's request, which money stands behind.
        uint256 proposalThreshold;
        /// For Grants: see there.
        uint32 useTime;
        uint32 minimumGroupSize;
        uint32 minimumSnapshotLeaves;
    }

    uint256 public constant MAX_DESCRIPTION = 4096;
    uint256 public constant MAX_TIME = 90 days;

    bytes32 private constant PROPOSE_TYPEHASH =
        keccak256("Propose(uint256 proposalId,address proposer,uint256 deadline)");

    Grants public grants;
    Registry public registry;
    uint256 public quorumFloor;
    uint32 public minimumOwners;
    /// @notice First second at which something can be proposed.
    uint256 public matureAt;

    /// @notice A setting is out of range: which one.
    error SettingOutOfRange(string setting);
    /// @notice A proposal is exactly one action on the list: approve or revoke a grant, name the runners, invite
    /// guardians, or pause until a time.
    error ActionNotAllowed(address target, bytes4 selector);
    /// @notice A request's proposal has the description that requestDescription gives, so that there is one vote on it.
    error OtherDescription();
    /// @notice The description is longer than MAX_DESCRIPTION.
    error DescriptionTooLong(uint256 length);
    /// @notice The asset has too few owners or is too young for votes.
    error NotMature();
    /// @notice The signature's deadline has passed: sign anew.
    error SignatureExpired(uint256 deadline);

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(
        ShareToken token_,
        Registry registry_,
        Grants grants_,
        AssetTimelock timelock_,
        Governance calldata s
    ) external initializer {
        if (s.votingPeriod == 0 || s.votingPeriod > MAX_TIME) revert SettingOutOfRange("votingPeriod");
        if (s.votingDelay > MAX_TIME) revert SettingOutOfRange("votingDelay");
        if (s.timelockDelay > MAX_TIME) revert SettingOutOfRange("timelockDelay");
        if (s.voteExtension > s.votingPeriod) revert SettingOutOfRange("voteExtension");
        if (s.quorumPercent > 100) revert SettingOutOfRange("quorumPercent");
        if (s.quorumFloor == 0) revert SettingOutOfRange("quorumFloor");
        if (s.minimumOwners == 0) revert SettingOutOfRange("minimumOwners");
        __Governor_init("Trove Governor");
        __GovernorSettings_init(s.votingDelay, s.votingPeriod, s.proposalThreshold);
        __GovernorVotes_init(token_);
        __GovernorVotesQuorumFraction_init(s.quorumPercent);
        __GovernorPreventLateQuorum_init(s.voteExtension);
        __GovernorTimelockControl_init(timelock_);
        (registry, grants, quorumFloor, minimumOwners) = (registry_, grants_, s.quorumFloor, s.minimumOwners);
        matureAt = block.timestamp + s.minimumAge;
    }

    /// @notice Are there enough owners, and is the asset old enough?
    function isMature() public view returns (bool) {
        return block.timestamp >= matureAt && ShareToken(address(token())).holders() >= minimumOwners;
    }

    /// @inheritdoc GovernorUpgradeable
    /// @dev Whoever proposes a buyer's request needs no votes: its content is fixed and the buyer's money stands behind it.
    function propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description
    ) public override returns (uint256) {
        return _proposeAs(targets, values, calldatas, description, _msgSender());
    }

    /// @notice Proposes for an owner who signed for it, so that somebody else can pay the gas. A proposal is made once, so
    /// the signature needs no nonce.
    /// @param deadline Last second at which the signature counts.
    function proposeBySig(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer,
        uint256 deadline,
        bytes memory signature
    ) external returns (uint256) {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        uint256 id = getProposalId(targets, values, calldatas, keccak256(bytes(description)));
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(PROPOSE_TYPEHASH, id, proposer, deadline)));
        if (!SignatureChecker.isValidSignatureNow(proposer, digest, signature)) {
            revert GovernorInvalidSignature(proposer);
        }
        return _proposeAs(targets, values, calldatas, description, proposer);
    }

    /// @notice The proposal on a buyer's request; there is exactly one.
    function requestProposal(bytes32 request) public view returns (uint256) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calldatas) =
            _single(address(grants), abi.encodeCall(Grants.approve, (request)));
        return getProposalId(targets, values, calldatas, keccak256(bytes(requestDescription(request))));
    }

    /// @notice The description that the proposal on a request has.
    function requestDescription(bytes32 request) public pure returns (string memory) {
        return string.concat("Approve request ", Strings.toHexString(uint256(request), 32));
    }

    /// @notice Was there a vote on the request that came to nothing?
    function isRejected(bytes32 request) external view returns (bool) {
        uint256 id = requestProposal(request);
        if (proposalSnapshot(id) == 0) return false;
        ProposalState s = state(id);
        return s == ProposalState.Defeated || s == ProposalState.Canceled || s == ProposalState.Expired;
    }

    /// @notice Shares that must vote for or abstain: a part of all shares then, and never fewer than the floor.
    function quorum(uint256 timepoint)
        public
        view
        override(GovernorUpgradeable, GovernorVotesQuorumFractionUpgradeable)
        returns (uint256)
    {
        uint256 part = super.quorum(timepoint);
        return part > quorumFloor ? part : quorumFloor;
    }

    function _proposeAs(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) private returns (uint256) {
        if (!isMature()) revert NotMature();
        if (bytes(description).length > MAX_DESCRIPTION) revert DescriptionTooLong(bytes(description).length);
        if (targets.length != 1 || values.length != 1 || calldatas.length != 1 || values[0] != 0) {
            revert ActionNotAllowed(address(0), 0);
        }
        bytes memory data = calldatas[0];
        bytes4 selector = data.length < 4 ? bytes4(0) : bytes4(data);
        if (targets[0] == address(grants) && selector == Grants.approve.selector && data.length == 36) {
            bytes32 request;
            // The one argument, behind length and selector.
            assembly ("memory-safe") {
                request := mload(add(data, 36))
            }
            Grants.State s = grants.grantOf(request).state;
            if (s != Grants.State.Requested) revert Grants.WrongState(request, s);
            if (keccak256(bytes(description)) != keccak256(bytes(requestDescription(request)))) {
                revert OtherDescription();
            }
        } else if (
            (targets[0] == address(grants) && selector == Grants.revoke.selector && data.length == 36)
                || (targets[0] == address(registry)
                    && (selector == Registry.setRunners.selector
                        || selector == Registry.inviteGuardians.selector
                        || (selector == Registry.pauseUntil.selector && data.length == 36)))
        ) {
            uint256 votes = getVotes(proposer, clock() - 1);
            uint256 needed = proposalThreshold();
            if (votes < needed) revert GovernorInsufficientProposerVotes(proposer, votes, needed);
        } else {
            revert ActionNotAllowed(targets[0], selector);
        }
        return _propose(targets, values, calldatas, description, proposer);
    }

    function _single(address target, bytes memory data)
        private
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas)
    {
        (targets, values, calldatas) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], calldatas[0]) = (target, data);
    }

    /// Nobody cancels: else whoever proposes a request first could keep it from ever being voted on.
    function _validateCancel(uint256, address) internal pure override returns (bool) {
        return false;
    }

    // Where OpenZeppelin's extensions meet.

    /// @inheritdoc GovernorUpgradeable
    function state(uint256 proposalId)
        public
        view
        override(GovernorUpgradeable, GovernorTimelockControlUpgradeable)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    /// @inheritdoc GovernorUpgradeable
    function proposalDeadline(uint256 proposalId)
        public
        view
        override(GovernorUpgradeable, GovernorPreventLateQuorumUpgradeable)
        returns (uint256)
    {
        return super.proposalDeadline(proposalId);
    }

    /// @inheritdoc GovernorUpgradeable
    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(GovernorUpgradeable, GovernorTimelockControlUpgradeable)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    /// @inheritdoc GovernorUpgradeable
    function proposalThreshold()
        public
        view
        override(GovernorUpgradeable, GovernorSettingsUpgradeable)
        returns (uint256)
    {
        return super.proposalThreshold();
    }

    function _tallyUpdated(uint256 proposalId)
        internal
        override(GovernorUpgradeable, GovernorPreventLateQuorumUpgradeable)
    {
        super._tallyUpdated(proposalId);
    }

    function _validateVoteSig(uint256 proposalId, uint8 support, address voter, bytes memory signature)
        internal
        override(GovernorUpgradeable, GovernorNoncesKeyedUpgradeable)
        returns (bool)
    {
        return super._validateVoteSig(proposalId, support, voter, signature);
    }

    function _validateExtendedVoteSig(
        uint256 proposalId,
        uint8 support,
        address voter,
        string memory reason,
        bytes memory voteParams,
        bytes memory signature
    ) internal override(GovernorUpgradeable, GovernorNoncesKeyedUpgradeable) returns (bool) {
        return super._validateExtendedVoteSig(proposalId, support, voter, reason, voteParams, signature);
    }

    function _useCheckedNonce(address owner, uint256 nonce)
        internal
        override(NoncesUpgradeable, GovernorNoncesKeyedUpgradeable)
    {
        super._useCheckedNonce(owner, nonce);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(GovernorUpgradeable, GovernorTimelockControlUpgradeable) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(GovernorUpgradeable, GovernorTimelockControlUpgradeable) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(GovernorUpgradeable, GovernorTimelockControlUpgradeable) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor()
        internal
        view
        override(GovernorUpgradeable, GovernorTimelockControlUpgradeable)
        returns (address)
    {
        return super._executor();
    }
}
