// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetGovernor} from "./AssetGovernor.sol";
import {GrantsRunners} from "./GrantsRunners.sol";
import {Ledger} from "./Ledger.sol";
import {ShareToken} from "./ShareToken.sol";

/// @title What buyers ask for, what owners granted, and the money that waits in between
/// @notice A request locks its price; the owners' vote approves it, or the standing offer that they voted on; that approval
/// is the grant. A registered runner opens a use before anything is released to it. A result that no other runner disputes
/// in time pays the owners, and everything else pays the buyer back. Escrow is kept here, dividends in the share token:
/// they never mix. Formats: specs/grants.md.
contract Grants is GrantsRunners {
    enum State {
        None,
        Requested,
        Approved,
        UseOpened,
        /// A result is there, and another runner can dispute it.
        Posted,
        /// Another runner computes the use again.
        Challenged,
        Settled,
        Refunded
    }

    /// @notice Where a request stands.
    struct Grant {
        State state;
        address buyer;
        uint8 use;
        uint64 expiry;
        uint32 uses;
        /// Uses with a result, which were paid for.
        uint32 settledUses;
        uint64 epsilon;
        /// Granted by the standing offer.
        bool standing;
        /// Of the use that is open, or that is computed again.
        uint32 keyVersion;
        uint64 useDeadline;
        address runner;
        bytes32 oneTimeKey;
        uint256 price;
    }

    mapping(bytes32 request => Grant) private _grants;
    mapping(bytes32 request => Posting) private _postings;

    event Requested(bytes32 indexed request, address indexed buyer, Terms terms, bytes code);
    /// byVote: or by the standing offer.
    event Approved(bytes32 indexed request, bool byVote);
    event UseOpened(
        bytes32 indexed request,
        uint32 indexed use,
        address indexed runner,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        uint64 deadline
    );
    /// until: the last second to dispute it; of a result of the use computed again 0.
    event ResultPosted(
        bytes32 indexed request,
        uint32 indexed use,
        address indexed runner,
        bytes32 resultHash,
        bytes32 inputsHash,
        uint64 until
    );
    event UseChallenged(
        bytes32 indexed request,
        uint32 indexed use,
        address indexed runner,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        uint64 deadline
    );
    /// Two runners computed different things: a third one can decide until then.
    event ResultDisputed(bytes32 indexed request, uint32 indexed use, uint64 until);
    event UseFailed(bytes32 indexed request, uint32 indexed use, address indexed runner, bytes32 code);
    event Revoked(bytes32 indexed request);

    /// @notice Only the timelock may call this: it takes a vote.
    error NotTimelock(address caller);
    /// @notice The request is not in a state that allows this.
    error WrongState(bytes32 request, State state);
    /// @notice The asset has too few owners or is too young for votes.
    error NotMature();
    /// @notice The time for this has passed.
    error TooLate(uint256 deadline);
    /// @notice The time for disputing is not over.
    error TooEarly(uint256 until);
    /// @notice That use or key version is not next.
    error OutOfOrder(uint256 given, uint256 expected);

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(ShareToken token_, AssetGovernor governor_, address timelock_, Charter calldata charter_)
        external
        initializer
    {
        (token, governor, timelock) = (token_, governor_, timelock_);
        ledger = Ledger(token_.ledger());
        (registry, stakes) = (ledger.registry(), ledger.stakes());
        _setCharter(charter_);
    }

    /// @notice Changes the charter, by the owners' vote. What was posted or opened before keeps its times and stakes.
    function setCharter(Charter calldata charter_) external onlyTimelock {
        _setCharter(charter_);
    }

    /// @notice Locks the price of a request. The buyer's EIP-3009 authorization has the request's identifier as its nonce,
    /// so it pays for exactly these terms; anyone may send it.
    /// @param code What codeHash is the hash of; kept in the event, so that voters can read it.
    function request(Terms calldata t, bytes calldata code, uint256 validBefore, bytes calldata signature)
        external
        nonReentrant
        returns (bytes32 id)
    {
        _checkTerms(t, code);
        if (!governor.isMature()) revert NotMature();
        // Whoever pays deals with the owners: from here on no founder changes who verifies, and under which policy.
        registry.handOver();
        id = requestId(t);
        Grant storage g = _grants[id];
        if (g.state != State.None) revert WrongState(id, g.state);
        (g.state, g.buyer, g.use) = (State.Requested, t.buyer, t.use);
        (g.expiry, g.uses, g.epsilon, g.price) = (t.expiry, t.uses, t.epsilon, t.price);
        uint256 total = t.price * t.uses;
        emit Requested(id, t.buyer, t, code);
        _lock(id, t.buyer, total, validBefore, signature);
        if (t.use == QUERY && _isOffered(t.price, t.epsilon, t.groupSize)) {
            (g.state, g.standing) = (State.Approved, true);
            emit Approved(id, false);
        }
    }

    /// @notice The owners' vote: from here on the request is a grant. Its identifier binds all terms and the money.
    function approve(bytes32 id) external onlyTimelock {
        Grant storage g = _grants[id];
        if (g.state != State.Requested) revert WrongState(id, g.state);
        if (block.timestamp > g.expiry) revert TooLate(g.expiry);
        g.state = State.Approved;
        emit Approved(id, true);
    }

    /// @notice The owners' vote takes a grant back; what is not settled goes to the buyer.
    function revoke(bytes32 id) external onlyTimelock {
        Grant storage g = _grants[id];
        if (g.state != State.Requested && g.state != State.Approved && g.state != State.UseOpened) {
            revert WrongState(id, g.state);
        }
        emit Revoked(id);
        _refund(id, g);
    }

    /// @notice Opens the next use for a registered runner who signed for it, or replaces the key of the runner's unfinished
    /// use. Nothing is released before.
    /// @param keyVersion 1 when the use is opened, then one more with each replacement.
    function openUse(
        bytes32 id,
        uint32 use,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        address runner,
        bytes calldata signature
    ) external {
        Grant storage g = _grants[id];
        if (g.state != State.Approved && g.state != State.UseOpened) revert WrongState(id, g.state);
        if (g.state == State.Approved) {
            if (block.timestamp > g.expiry) revert TooLate(g.expiry);
            if (g.use == QUERY) _spend(id, g.epsilon, g.standing);
            g.state = State.UseOpened;
            _postings[id].stake = _charter.runnerStake;
        }
        _setKey(id, g, OPEN_USE_TYPEHASH, use, oneTimeKey, keyVersion, runner, signature);
        emit UseOpened(id, use, runner, oneTimeKey, keyVersion, g.useDeadline);
    }

    /// @notice Has another registered runner, who signed for it, compute a posted use again; or replaces that runner's key.
    /// Guardians release to it as they did to the first. Whoever is alone with what it computed pays.
    /// @param keyVersion One more than the last of this use.
    function challenge(
        bytes32 id,
        uint32 use,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        address runner,
        bytes calldata signature
    ) external {
        Grant storage g = _grants[id];
        if (g.state != State.Posted && g.state != State.Challenged) revert WrongState(id, g.state);
        if (g.state == State.Posted) {
            Posting storage p = _postings[id];
            uint256 until = _disputableUntil(p);
            if (block.timestamp > until) revert TooLate(until);
            if (runner == p.runner || runner == p.challenger) revert NotRunner(runner);
            (g.state, p.until) = (State.Challenged, uint64(block.timestamp));
        }
        _setKey(id, g, CHALLENGE_TYPEHASH, use, oneTimeKey, keyVersion, runner, signature);
        emit UseChallenged(id, use, runner, oneTimeKey, keyVersion, g.useDeadline);
    }

    /// @notice The runner's result: of the open use, which can then be disputed; or of the use computed again.
    /// @param resultHash SHA-256 of the result, encrypted to the buyer. Whoever computes the same use gets the same bytes
    /// (specs/uses.md).
    /// @param inputsHash Hash of all parts that were read.
    function postResult(bytes32 id, uint32 use, bytes32 resultHash, bytes32 inputsHash, bytes calldata signature)
        external
        nonReentrant
    {
        Grant storage g = _grants[id];
        address runner = _requireOpen(id, g, use);
        _checkResult(Result(id, use, resultHash, inputsHash, runner), signature);
        bool again = g.state == State.Challenged;
        _close(g);
        Posting storage p = _postings[id];
        if (!again) {
            (p.runner, p.resultHash, p.inputsHash) = (runner, resultHash, inputsHash);
            p.until = uint64(block.timestamp) + _charter.challengeTime;
        }
        emit ResultPosted(id, use, runner, resultHash, inputsHash, again ? 0 : p.until);
        g.state = State.Posted;
        bool same = resultHash == p.resultHash && inputsHash == p.inputsHash;
        if (!again) {
            if (p.until == block.timestamp) _settle(id, g, p);
        } else if (p.challenger == address(0) && !same) {
            (p.challenger, p.otherResultHash, p.otherInputsHash) = (runner, resultHash, inputsHash);
            p.until = uint64(block.timestamp) + _charter.challengeTime;
            emit ResultDisputed(id, use, p.until);
        } else {
            // A second one computed the same, or a third one decides.
            atRisk[runner] -= p.stake;
            if (same) {
                stakes.slash(p.challenger == address(0) ? runner : p.challenger, p.runner, p.stake);
                _settle(id, g, p);
            } else {
                if (resultHash == p.otherResultHash && inputsHash == p.otherInputsHash) {
                    stakes.slash(p.runner, g.buyer, p.stake);
                }
                _refund(id, g);
            }
        }
    }

    /// @notice Ends the time for disputing a result: undisputed, it pays the owners; disputed without a third runner who
    /// would have decided, the buyer is paid back. A runner who began to compute it again and did not finish pays.
    /// Anyone may call it.
    function settle(bytes32 id) external nonReentrant {
        Grant storage g = _grants[id];
        Posting storage p = _postings[id];
        if (g.state == State.Challenged) {
            if (block.timestamp <= g.useDeadline) revert TooEarly(g.useDeadline);
            _abandon(id, g, p);
        } else if (g.state == State.Posted) {
            uint256 until = _disputableUntil(p);
            if (block.timestamp <= until) revert TooEarly(until);
            if (p.challenger == address(0)) _settle(id, g, p);
            else _refund(id, g);
        } else {
            revert WrongState(id, g.state);
        }
    }

    /// @notice The runner could not compute the use: what is not settled goes to the buyer. Who gives up computing it again
    /// pays, as for not finishing.
    /// @param code Class of the failure, ASCII; nothing of the data.
    function failUse(bytes32 id, uint32 use, bytes32 code, bytes calldata signature) external nonReentrant {
        Grant storage g = _grants[id];
        address runner = _requireOpen(id, g, use);
        _checkFailure(id, use, code, runner, signature);
        emit UseFailed(id, use, runner, code);
        if (g.state == State.Challenged) _abandon(id, g, _postings[id]);
        else _refund(id, g);
    }

    /// @notice Gives back what is not settled: when the vote failed, when nobody opened a use in time, or when the runner
    /// did not finish one. Anyone may call it.
    function refund(bytes32 id) external {
        Grant storage g = _grants[id];
        if (!isRefundable(id)) revert WrongState(id, g.state);
        _refund(id, g);
    }

    /// @notice Would refund succeed now?
    function isRefundable(bytes32 id) public view returns (bool) {
        Grant storage g = _grants[id];
        if (g.state == State.Requested) return block.timestamp > g.expiry || governor.isRejected(id);
        if (g.state == State.Approved) return block.timestamp > g.expiry;
        return g.state == State.UseOpened && block.timestamp > g.useDeadline;
    }

    /// @notice Would settle succeed now?
    function isSettleable(bytes32 id) external view returns (bool) {
        Grant storage g = _grants[id];
        if (g.state == State.Challenged) return block.timestamp > g.useDeadline;
        return g.state == State.Posted && block.timestamp > _disputableUntil(_postings[id]);
    }

    /// @notice Where a request stands; all zero for one that was never made.
    function grantOf(bytes32 id) external view returns (Grant memory) {
        return _grants[id];
    }

    /// @notice The result that a use waits with; of a use that is over, or before the first, what was there last.
    function postingOf(bytes32 id) external view returns (Posting memory) {
        return _postings[id];
    }

    /// The first key of a runner that begins, whose stake then hangs on the use; or the next key of the one that is at it.
    function _setKey(
        bytes32 id,
        Grant storage g,
        bytes32 typehash,
        uint32 use,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        address runner,
        bytes calldata signature
    ) private {
        if (!registry.isRunner(runner)) revert NotRunner(runner);
        uint256 until = registry.pausedUntil();
        if (block.timestamp < until) revert Paused(until);
        if (use != g.settledUses + 1) revert OutOfOrder(use, g.settledUses + 1);
        if (oneTimeKey == 0) revert TermsOutOfRange("oneTimeKey");
        if (keyVersion != g.keyVersion + 1) revert OutOfOrder(keyVersion, g.keyVersion + 1);
        if (g.runner == address(0)) {
            _bind(runner, _postings[id].stake);
            (g.runner, g.useDeadline) = (runner, uint64(block.timestamp) + _charter.useTime);
        } else {
            if (runner != g.runner) revert NotRunner(runner);
            if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
        }
        _checkKey(typehash, id, use, oneTimeKey, keyVersion, runner, signature);
        (g.keyVersion, g.oneTimeKey) = (keyVersion, oneTimeKey);
    }

    function _requireOpen(bytes32 id, Grant storage g, uint32 use) private view returns (address) {
        if (g.state != State.UseOpened && g.state != State.Challenged) revert WrongState(id, g.state);
        if (use != g.settledUses + 1) revert OutOfOrder(use, g.settledUses + 1);
        if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
        return g.runner;
    }

    /// Who computes a use again does not finish: it pays the first runner, and what that one posted counts; or, if it was the
    /// third, it pays the buyer, and another third one has its time.
    function _abandon(bytes32 id, Grant storage g, Posting storage p) private {
        address runner = g.runner;
        // Whoever was kept from finishing by a pause does not pay, and there is time for the next one.
        bool kept = registry.pausedUntil() > p.until;
        atRisk[runner] -= p.stake;
        _close(g);
        if (p.challenger == address(0) && !kept) {
            stakes.slash(runner, p.runner, p.stake);
            _settle(id, g, p);
        } else {
            if (!kept) stakes.slash(runner, g.buyer, p.stake);
            g.state = State.Posted;
            p.until = uint64(block.timestamp) + _charter.challengeTime;
            emit ResultDisputed(id, g.settledUses + 1, p.until);
        }
    }

    function _settle(bytes32 id, Grant storage g, Posting storage p) private {
        _free(p);
        g.keyVersion = 0;
        uint32 use = ++g.settledUses;
        g.state = use == g.uses ? State.Settled : State.Approved;
        _release(id, use, g.price);
    }

    function _refund(bytes32 id, Grant storage g) private {
        uint256 amount = g.price * (g.uses - g.settledUses);
        Posting storage p = _postings[id];
        if (g.runner != address(0)) atRisk[g.runner] -= p.stake;
        _free(p);
        g.state = State.Refunded;
        g.keyVersion = 0;
        _close(g);
        _giveBack(id, g.buyer, amount);
    }

    /// What guardians read must not outlive the time in which a runner computes. Versions of keys count on while the use is
    /// not over, so that each names one key of one runner.
    function _close(Grant storage g) private {
        (g.runner, g.oneTimeKey, g.useDeadline) = (address(0), 0, 0);
    }
}
