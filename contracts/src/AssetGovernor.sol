// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GovernorUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/GovernorUpgradeable.sol";
import {GovernorCountingSimpleUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorCountingSimpleUpgradeable.sol";
import {GovernorPreventLateQuorumUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorPreventLateQuorumUpgradeable.sol";
import {GovernorTimelockControlUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorTimelockControlUpgradeable.sol";
import {GovernorVotesUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/extensions/GovernorVotesUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {AssetTimelock} from "./AssetTimelock.sol";
import {Grants} from "./Grants.sol";
import {Registry} from "./Registry.sol";
import {ShareToken} from "./ShareToken.sol";
import {Stakes} from "./Stakes.sol";

/// @title The owners' votes
/// @notice OpenZeppelin's Governor on the share token, held to a short list of actions in three classes, each with rules of
/// its own: what a heavier class decides takes at least as much of everything. Voting costs no gas: ballots are signed
/// (EIP-712) and anyone sends them, one by one or many at once; no order of sending matters.
contract AssetGovernor is
    GovernorCountingSimpleUpgradeable,
    GovernorVotesUpgradeable,
    GovernorPreventLateQuorumUpgradeable,
    GovernorTimelockControlUpgradeable
{
    /// @notice Classes of proposals, from the lightest to the heaviest.
    enum Class {
        /// A buyer's query; and what takes something back: a revocation, a pause.
        Query,
        /// A buyer's request to copy records.
        Copy,
        /// Who verifies, guards and runs, under which policy; the charter, the treasury, appeals; and these rules themselves.
        Constitution
    }

    /// @notice What it takes to decide something of a class. Times in seconds.
    struct Rules {
        uint32 votingPeriod;
        /// From the decision to its effect. Of the constitution: the time that members have to leave.
        uint48 timelockDelay;
        /// Share of all shares that must vote for or abstain.
        uint16 quorumPercent;
        /// Of the votes for and against, more than so many percent must be for.
        uint16 approvalPercent;
        /// Shares that must vote for or abstain at least, whatever the supply.
        uint256 quorumFloor;
        /// Votes it takes to propose, but for a buyer's request, which money stands behind.
        uint256 proposalThreshold;
    }

    /// @notice How an asset decides. Times in seconds.
    struct Governance {
        /// How long a vote goes on at least after the quorum was reached.
        uint48 voteExtension;
        /// No proposals before there are so many owners, and before the asset is so old.
        uint32 minimumOwners;
        uint32 minimumAge;
        Rules query;
        Rules copy;
        Rules constitution;
    }

    /// Under which rules a proposal is voted on: those of its class when it was made.
    struct Basis {
        uint64 version;
        Class class;
    }

    /// @notice A ballot among others: what castVoteBySig takes, its signature in 64 bytes (ERC-2098).
    struct SignedBallot {
        address voter;
        uint8 support;
        bytes32 r;
        bytes32 vs;
    }

    uint256 public constant MAX_DESCRIPTION = 4096;
    uint256 public constant MAX_TIME = 90 days;

    bytes32 private constant PROPOSE_TYPEHASH =
        keccak256("Propose(uint256 proposalId,address proposer,uint256 deadline)");

    Grants public grants;
    Registry public registry;
    uint32 public minimumOwners;
    /// @notice First second at which something can be proposed.
    uint256 public matureAt;
    /// @notice Version of the rules in force, from 1.
    uint64 public rulesVersion;

    mapping(uint64 version => mapping(Class class => Rules)) private _rules;
    mapping(uint256 proposal => Basis) private _bases;
    /// The voting period of what is being proposed.
    uint32 private transient _period;

    event RulesChanged(uint64 indexed version, Rules query, Rules copy, Rules constitution);

    /// @notice A setting is out of range: which one.
    error SettingOutOfRange(string setting);
    /// @notice A heavier class takes at least as much of everything as this one.
    error LighterThan(Class lighter);
    /// @notice A proposal is exactly one action of the list in specs/grants.md.
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
        if (s.minimumOwners == 0) revert SettingOutOfRange("minimumOwners");
        __Governor_init("Trove Governor");
        __GovernorVotes_init(token_);
        _setRules(s.query, s.copy, s.constitution);
        // Refuses an extension that is longer than the voting period of a query.
        __GovernorPreventLateQuorum_init(s.voteExtension);
        __GovernorTimelockControl_init(timelock_);
        (registry, grants, minimumOwners) = (registry_, grants_, s.minimumOwners);
        matureAt = block.timestamp + s.minimumAge;
    }

    /// @notice Changes what it takes to decide, by a vote on the constitution; for proposals made from then on.
    function setRules(Rules calldata query, Rules calldata copy, Rules calldata constitution) external onlyGovernance {
        _setRules(query, copy, constitution);
    }

    /// @notice Are there enough owners, and is the asset old enough?
    function isMature() public view returns (bool) {
        return block.timestamp >= matureAt && ShareToken(address(token())).holders() >= minimumOwners;
    }

    /// @notice The rules of a class that are in force.
    function rulesOf(Class class) public view returns (Rules memory) {
        return _rules[rulesVersion][class];
    }

    /// @notice The class of a proposal, and the rules it is voted on under; none for one that was never made.
    function rulesFor(uint256 proposalId) external view returns (Class class, Rules memory rules) {
        return (_bases[proposalId].class, _rulesFor(proposalId));
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

    /// @notice Casts signed ballots on one proposal. Those that count for nothing are passed over, so that nobody can make the
    /// others fail by sending one of them first: of who has voted or has no votes, of another support, not signed by the
    /// voter's key. Contracts, which have none, vote by castVoteBySig.
    /// @return counted Ballots that were counted.
    function castVotesBySig(uint256 proposalId, SignedBallot[] calldata ballots) external returns (uint256 counted) {
        // Nothing in here calls a contract that is not the asset's own, so what holds for the first holds for the last.
        _validateStateBitmap(proposalId, _encodeStateBitmap(ProposalState.Active));
        bytes32 domain = _domainSeparatorV4();
        uint256 snapshot = proposalSnapshot(proposalId);
        for (uint256 i = 0; i < ballots.length; i++) {
            SignedBallot calldata b = ballots[i];
            if (b.support > uint8(VoteType.Abstain) || hasVoted(proposalId, b.voter)) continue;
            bytes32 digest = MessageHashUtils.toTypedDataHash(domain, _ballotHash(proposalId, b.support, b.voter));
            (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, b.r, b.vs);
            if (fault != ECDSA.RecoverError.NoError || signer != b.voter) continue;
            uint256 weight = _getVotes(b.voter, snapshot, "");
            if (weight == 0) continue;
            _countVote(proposalId, b.voter, b.support, weight, "");
            emit VoteCast(b.voter, proposalId, b.support, weight, "");
            counted++;
        }
        // Whether the quorum was reached late depends on the second alone, and votes are only added.
        _tallyUpdated(proposalId);
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

    /// @notice Shares that must vote for or abstain on a query: the least that anything takes.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return _quorum(_rules[rulesVersion][Class.Query], timepoint);
    }

    /// @notice Shares that must vote for or abstain on a proposal: a part of all shares at its snapshot, and never fewer
    /// than the floor.
    function quorumFor(uint256 proposalId) public view returns (uint256) {
        return _quorum(_rulesFor(proposalId), proposalSnapshot(proposalId));
    }

    /// @notice Votes it takes to propose anything of the lightest class but a buyer's request.
    function proposalThreshold() public view override returns (uint256) {
        return _rules[rulesVersion][Class.Query].proposalThreshold;
    }

    /// @inheritdoc GovernorUpgradeable
    /// @dev Votes begin with the proposal, whose snapshot lies before it.
    function votingDelay() public pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc GovernorUpgradeable
    /// @dev Of queries; while something is proposed, of its class.
    function votingPeriod() public view override returns (uint256) {
        return _period != 0 ? _period : _rules[rulesVersion][Class.Query].votingPeriod;
    }

    /// @inheritdoc GovernorUpgradeable
    /// @dev The second before the proposal: who buys or borrows shares to propose and vote at once votes with none.
    function proposalSnapshot(uint256 proposalId) public view override returns (uint256) {
        uint256 made = super.proposalSnapshot(proposalId);
        return made == 0 ? 0 : made - 1;
    }

    function _rulesFor(uint256 proposalId) private view returns (Rules storage) {
        Basis storage b = _bases[proposalId];
        return _rules[b.version][b.class];
    }

    function _quorum(Rules storage r, uint256 timepoint) private view returns (uint256) {
        uint256 part = token().getPastTotalSupply(timepoint) * r.quorumPercent / 100;
        return part > r.quorumFloor ? part : r.quorumFloor;
    }

    function _quorumReached(uint256 proposalId)
        internal
        view
        override(GovernorUpgradeable, GovernorCountingSimpleUpgradeable)
        returns (bool)
    {
        (, uint256 forVotes, uint256 abstainVotes) = proposalVotes(proposalId);
        return forVotes + abstainVotes >= quorumFor(proposalId);
    }

    function _voteSucceeded(uint256 proposalId)
        internal
        view
        override(GovernorUpgradeable, GovernorCountingSimpleUpgradeable)
        returns (bool)
    {
        (uint256 againstVotes, uint256 forVotes,) = proposalVotes(proposalId);
        return forVotes * 100 > (forVotes + againstVotes) * _rulesFor(proposalId).approvalPercent;
    }

    function _setRules(Rules calldata query, Rules calldata copy, Rules calldata constitution) private {
        _requireRules(query);
        _requireHeavier(Class.Query, query, copy);
        _requireHeavier(Class.Copy, copy, constitution);
        uint64 version = ++rulesVersion;
        _rules[version][Class.Query] = query;
        _rules[version][Class.Copy] = copy;
        _rules[version][Class.Constitution] = constitution;
        emit RulesChanged(version, query, copy, constitution);
    }

    function _requireRules(Rules calldata r) private view {
        if (r.votingPeriod == 0 || r.votingPeriod > MAX_TIME || r.votingPeriod < lateQuorumVoteExtension()) {
            revert SettingOutOfRange("votingPeriod");
        }
        if (r.timelockDelay == 0 || r.timelockDelay > MAX_TIME) revert SettingOutOfRange("timelockDelay");
        if (r.quorumPercent > 100) revert SettingOutOfRange("quorumPercent");
        if (r.approvalPercent < 50 || r.approvalPercent > 99) revert SettingOutOfRange("approvalPercent");
        if (r.quorumFloor == 0) revert SettingOutOfRange("quorumFloor");
    }

    function _requireHeavier(Class class, Rules calldata lighter, Rules calldata heavier) private view {
        _requireRules(heavier);
        if (
            heavier.votingPeriod < lighter.votingPeriod || heavier.timelockDelay < lighter.timelockDelay
                || heavier.quorumPercent < lighter.quorumPercent || heavier.approvalPercent < lighter.approvalPercent
                || heavier.quorumFloor < lighter.quorumFloor || heavier.proposalThreshold < lighter.proposalThreshold
        ) revert LighterThan(class);
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
        Class class;
        if (targets[0] == address(grants) && selector == Grants.approve.selector && data.length == 36) {
            bytes32 request;
            // The one argument, behind length and selector.
            assembly ("memory-safe") {
                request := mload(add(data, 36))
            }
            Grants.Grant memory g = grants.grantOf(request);
            if (g.state != Grants.State.Requested) revert Grants.WrongState(request, g.state);
            if (keccak256(bytes(description)) != keccak256(bytes(requestDescription(request)))) {
                revert OtherDescription();
            }
            class = g.use == grants.QUERY() ? Class.Query : Class.Copy;
        } else {
            class = _classOfAction(targets[0], selector, data.length);
            if (!_isValidDescriptionForProposer(proposer, description)) revert GovernorRestrictedProposer(proposer);
            uint256 votes = getVotes(proposer, clock() - 1);
            uint256 needed = _rules[rulesVersion][class].proposalThreshold;
            if (votes < needed) revert GovernorInsufficientProposerVotes(proposer, votes, needed);
        }
        _period = _rules[rulesVersion][class].votingPeriod;
        uint256 id = _propose(targets, values, calldatas, description, proposer);
        _period = 0;
        _bases[id] = Basis(rulesVersion, class);
        return id;
    }

    /// The class of an action that is no approval of a request.
    function _classOfAction(address target, bytes4 selector, uint256 length) private view returns (Class) {
        if (
            (target == address(grants) && selector == Grants.revoke.selector && length == 36)
                || (target == address(registry) && selector == Registry.pauseUntil.selector && length == 36)
        ) return Class.Query;
        if (
            (target == address(registry)
                    && (selector == Registry.setVerifiers.selector
                        || selector == Registry.setPolicy.selector
                        || selector == Registry.setRunners.selector
                        || selector == Registry.inviteGuardians.selector))
                || (target == address(this) && selector == AssetGovernor.setRules.selector)
                || (target == address(grants) && selector == Grants.setCharter.selector)
                || (target == address(grants.stakes()) && selector == Stakes.reverse.selector)
                // What the treasury, which is the timelock, pays.
                || (target == address(ShareToken(address(token())).paymentToken())
                    && selector == IERC20.transfer.selector)
        ) return Class.Constitution;
        revert ActionNotAllowed(target, selector);
    }

    function _single(address target, bytes memory data)
        private
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calldatas)
    {
        (targets, values, calldatas) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], calldatas[0]) = (target, data);
    }

    /// What an owner signs. The nonce is what the first ballot on a proposal would have under keyed nonces (NoncesKeyed), as
    /// wallets sign it; it is not counted up, which would write a slot a ballot: whoever has voted on the proposal, which is in
    /// the hash too, does not vote on it again, by whatever ballot.
    function _ballotHash(uint256 proposalId, uint8 support, address voter) private pure returns (bytes32) {
        return keccak256(abi.encode(BALLOT_TYPEHASH, proposalId, support, voter, proposalId << 64));
    }

    function _validateVoteSig(uint256 proposalId, uint8 support, address voter, bytes memory signature)
        internal
        view
        override
        returns (bool)
    {
        return SignatureChecker.isValidSignatureNow(
            voter, _hashTypedDataV4(_ballotHash(proposalId, support, voter)), signature
        );
    }

    /// Ballots have neither reasons nor parameters: nothing reads them.
    function _validateExtendedVoteSig(uint256, uint8, address, string memory, bytes memory, bytes memory)
        internal
        pure
        override
        returns (bool)
    {
        return false;
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

    function _tallyUpdated(uint256 proposalId)
        internal
        override(GovernorUpgradeable, GovernorPreventLateQuorumUpgradeable)
    {
        super._tallyUpdated(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(GovernorUpgradeable, GovernorTimelockControlUpgradeable) returns (uint48) {
        AssetTimelock(payable(timelock())).setNextDelay(_rulesFor(proposalId).timelockDelay);
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
