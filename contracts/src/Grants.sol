// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AssetGovernor} from "./AssetGovernor.sol";
import {IReceiveWithAuthorization, ShareToken} from "./ShareToken.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {Stakes} from "./Stakes.sol";

/// @title What buyers ask for, what owners granted, and the money that waits in between
/// @notice A request locks its price; the owners' vote approves it, or the standing offer that they voted on; that approval
/// is the grant. A registered runner opens a use before anything is released to it. A result that no other runner disputes
/// in time pays the owners, and everything else pays the buyer back. Escrow is kept here, dividends in the share token:
/// they never mix. Formats: specs/grants.md.
contract Grants is EIP712Upgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

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

    /// @notice All that a buyer asks for. Its hash is the request's identifier, and the nonce of the payment.
    struct Terms {
        address buyer;
        /// X25519 public key that results are encrypted to.
        bytes32 buyerKey;
        /// QUERY or COPY.
        uint8 use;
        /// Kinds of records in scope, ASCII, ascending.
        bytes32[] kinds;
        /// Years in scope, both included; records without a time are of year 0.
        uint16 fromYear;
        uint16 toYear;
        /// The snapshot the use is computed on: contributions of this and earlier epochs.
        uint64 lastEpoch;
        /// Keccak-256 of the code: the canonical text of the query.
        bytes32 codeHash;
        /// Members that every cell of the output must have.
        uint32 groupSize;
        /// Privacy that a use costs, in millionths: the epsilon of its noise. Of a copy 0.
        uint64 epsilon;
        /// Payment units for each use.
        uint256 price;
        uint32 uses;
        /// Last second at which a use can be opened; then the money goes back.
        uint64 expiry;
        bytes32 salt;
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

    /// @notice What a runner signs as its result of a use.
    struct Result {
        bytes32 request;
        uint32 use;
        bytes32 resultHash;
        bytes32 inputsHash;
        address runner;
    }

    /// @notice The result of a use, until it is settled.
    struct Posting {
        address runner;
        /// What each runner has at stake for this use: what the charter said when it was opened.
        uint96 stake;
        bytes32 resultHash;
        bytes32 inputsHash;
        /// Last second at which another runner can begin to compute it again.
        uint64 until;
        /// Who computed something else, and what; zero while nobody did.
        address challenger;
        bytes32 otherResultHash;
        bytes32 otherInputsHash;
    }

    /// @notice Numbers computed over records; nothing of their text.
    uint8 public constant QUERY = 1;
    /// @notice The records themselves.
    uint8 public constant COPY = 2;
    uint256 public constant MAX_CODE = 8192;
    uint256 public constant MAX_KINDS = 16;
    uint256 public constant MAX_USES = 1000;
    uint256 public constant MAX_LIFE = 180 days;
    /// @notice How much longer a pause can make the time for disputing, in seconds.
    uint256 public constant MAX_PAUSE = 30 days;
    uint256 public constant MAX_FEES = 8;
    /// @notice Most of a price that fees can take together, in basis points.
    uint256 public constant MAX_FEE_POINTS = 3000;

    bytes32 private constant OPEN_USE_TYPEHASH =
        keccak256("OpenUse(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)");
    bytes32 private constant CHALLENGE_TYPEHASH =
        keccak256("Challenge(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)");
    bytes32 private constant RESULT_TYPEHASH =
        keccak256("Result(bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner)");
    bytes32 private constant FAILURE_TYPEHASH =
        keccak256("Failure(bytes32 request,uint32 use,bytes32 code,address runner)");

    ShareToken public token;
    Registry public registry;
    Ledger public ledger;
    AssetGovernor public governor;
    Stakes public stakes;
    address public timelock;
    Charter private _charter;

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

    /// @notice Payment units that wait for a vote, a use or a result.
    uint256 public escrowed;
    /// @notice Payment units that went back to buyers, or are fees, and wait to be fetched.
    uint256 public credited;
    /// @notice Payment units that wait for a buyer or a recipient of fees.
    mapping(address recipient => uint256) public creditOf;
    /// @notice Payment units of a runner's stake that uses hang on which are not over.
    mapping(address runner => uint256) public atRisk;
    mapping(bytes32 request => Grant) private _grants;
    mapping(bytes32 request => Posting) private _postings;

    event CharterChanged(Charter charter);
    event SnapshotTaken(uint64 indexed epoch, uint256 leaves);
    event Requested(bytes32 indexed request, address indexed buyer, Terms terms, bytes code);
    /// byVote: or by the standing offer.
    event Approved(bytes32 indexed request, bool byVote);
    event BudgetSpent(bytes32 indexed request, uint64 periodStart, uint64 spent, uint32 standingUses);
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
    event Settled(bytes32 indexed request, uint32 indexed use, uint256 amount);
    event Refunded(bytes32 indexed request, address indexed buyer, uint256 amount);
    event FeeCredited(bytes32 indexed request, uint32 indexed use, address indexed recipient, uint256 amount);
    event CreditPaid(address indexed recipient, uint256 amount);

    /// @notice Only the timelock may call this: it takes a vote.
    error NotTimelock(address caller);
    /// @notice The request is not in a state that allows this.
    error WrongState(bytes32 request, State state);
    /// @notice Fewer than minimumSnapshotLeaves contributions came in since the last snapshot: two snapshots so close
    /// would show what one member added.
    error SnapshotTooSmall(uint256 newLeaves, uint256 minimum);
    /// @notice Requests name the latest snapshot.
    error NotSnapshot(uint64 given, uint64 latest);
    /// @notice The asset has too few owners or is too young for votes.
    error NotMature();
    /// @notice A term is out of range: which one.
    error TermsOutOfRange(string term);
    /// @notice The code is not the one whose hash is in the terms.
    error CodeMismatch(bytes32 given, bytes32 expected);
    /// @notice The payment token brought something else than the price.
    error PaymentMismatch(uint256 received, uint256 expected);
    /// @notice The account is no registered runner.
    error NotRunner(address account);
    /// @notice The signature is not the runner's, or is for other data.
    error InvalidSignature(address signer);
    /// @notice A guardian has paused the asset until then.
    error Paused(uint256 until);
    /// @notice The time for this has passed.
    error TooLate(uint256 deadline);
    /// @notice The time for disputing is not over.
    error TooEarly(uint256 until);
    /// @notice The uses of this period have spent so much, or so many were had by the standing offer, that this one does not
    /// fit in.
    error BudgetExceeded(uint256 needed, uint256 budget);
    /// @notice The runner has too little at stake for another use.
    error StakeTooSmall(uint256 stake, uint256 needed);
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

    /// @notice Locks the price of a request. The buyer's EIP-3009 authorization has the request's identifier as its nonce,
    /// so it pays for exactly these terms; anyone may send it.
    /// @param code What codeHash is the hash of; kept in the event, so that voters can read it.
    function request(Terms calldata t, bytes calldata code, uint256 validBefore, bytes calldata signature)
        external
        nonReentrant
        returns (bytes32 id)
    {
        _checkTerms(t);
        if (code.length == 0 || code.length > MAX_CODE) revert TermsOutOfRange("code");
        if (keccak256(code) != t.codeHash) revert CodeMismatch(keccak256(code), t.codeHash);
        if (!governor.isMature()) revert NotMature();
        // Whoever pays deals with the owners: from here on no founder changes who verifies, and under which policy.
        registry.handOver();
        id = requestId(t);
        Grant storage g = _grants[id];
        if (g.state != State.None) revert WrongState(id, g.state);
        (g.state, g.buyer, g.use) = (State.Requested, t.buyer, t.use);
        (g.expiry, g.uses, g.epsilon, g.price) = (t.expiry, t.uses, t.epsilon, t.price);
        uint256 total = t.price * t.uses;
        escrowed += total;
        emit Requested(id, t.buyer, t, code);

        IERC20 money = token.paymentToken();
        uint256 before = money.balanceOf(address(this));
        IReceiveWithAuthorization(address(money))
            .receiveWithAuthorization(t.buyer, address(this), total, 0, validBefore, id, signature);
        uint256 received = money.balanceOf(address(this)) - before;
        if (received != total) revert PaymentMismatch(received, total);
        if (_isStanding(t)) {
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
            if (g.use == QUERY) _spend(id, g);
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
            g.state = State.Challenged;
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
        bytes32 digest = resultDigest(Result(id, use, resultHash, inputsHash, runner));
        if (!SignatureChecker.isValidSignatureNowCalldata(runner, digest, signature)) revert InvalidSignature(runner);
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
        _checkSignature(runner, keccak256(abi.encode(FAILURE_TYPEHASH, id, use, code, runner)), signature);
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

    /// @notice Pays a buyer what went back, or a recipient its fees; anyone may call it, nobody else is paid.
    function payCredit(address recipient) external nonReentrant returns (uint256 amount) {
        amount = creditOf[recipient];
        if (amount == 0) return 0;
        delete creditOf[recipient];
        credited -= amount;
        emit CreditPaid(recipient, amount);
        token.paymentToken().safeTransfer(recipient, amount);
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

    /// @notice Identifier of a request: hash of chain, contract and all terms.
    function requestId(Terms calldata t) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), t));
    }

    /// @notice Where a request stands; all zero for one that was never made.
    function grantOf(bytes32 id) external view returns (Grant memory) {
        return _grants[id];
    }

    /// @notice The result that a use waits with; of a use that is over, or before the first, what was there last.
    function postingOf(bytes32 id) external view returns (Posting memory) {
        return _postings[id];
    }

    /// @notice What a runner signs as its result (EIP-712).
    function resultDigest(Result memory r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RESULT_TYPEHASH, r)));
    }

    function _setCharter(Charter calldata c) private {
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

    function _isStanding(Terms calldata t) private view returns (bool) {
        Standing storage s = _charter.standing;
        return t.use == QUERY && s.uses != 0 && t.price >= s.minimumPrice && t.epsilon <= s.maximumEpsilon
            && t.groupSize >= s.minimumGroupSize;
    }

    /// Begins a new period when it is time. What was released once is spent, whatever becomes of the use; so is a use of the
    /// standing offer, which counts here and not with the request, or who asks and lets it expire uses it up for nothing.
    function _spend(bytes32 id, Grant storage g) private {
        if (periodStart == 0 || block.timestamp >= uint256(periodStart) + _charter.period) {
            (periodStart, spent, standingUses) = (uint64(block.timestamp), 0, 0);
        }
        uint256 sum = uint256(spent) + g.epsilon;
        if (sum > _charter.budget) revert BudgetExceeded(sum, _charter.budget);
        spent = uint64(sum);
        if (g.standing && ++standingUses > _charter.standing.uses) {
            revert BudgetExceeded(standingUses, _charter.standing.uses);
        }
        emit BudgetSpent(id, periodStart, spent, standingUses);
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
            uint256 needed = atRisk[runner] + _postings[id].stake;
            uint256 stake = stakes.activeOf(runner);
            if (stake < needed) revert StakeTooSmall(stake, needed);
            atRisk[runner] = needed;
            (g.runner, g.useDeadline) = (runner, uint64(block.timestamp) + _charter.useTime);
        } else {
            if (runner != g.runner) revert NotRunner(runner);
            if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
        }
        _checkSignature(runner, keccak256(abi.encode(typehash, id, use, oneTimeKey, keyVersion, runner)), signature);
        (g.keyVersion, g.oneTimeKey) = (keyVersion, oneTimeKey);
    }

    /// Who computes a use again does not finish: it pays the first runner, and what that one posted counts; or, if it was the
    /// third, it pays the buyer, and another third one has its time.
    function _abandon(bytes32 id, Grant storage g, Posting storage p) private {
        address runner = g.runner;
        // Whoever was kept from finishing by a pause does not pay, and there is time for the next one.
        bool kept = registry.pausedUntil() > g.useDeadline - _charter.useTime;
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

    /// A pause, in which nobody can compute anything, gives the whole time anew; but no vote holds up money for ever.
    function _disputableUntil(Posting storage p) private view returns (uint256) {
        uint256 paused = registry.pausedUntil();
        uint256 last = uint256(p.until) + MAX_PAUSE;
        if (paused > last) return last;
        uint256 until = paused + _charter.challengeTime;
        return until < p.until ? p.until : until > last ? last : until;
    }

    /// The price of a use goes to the owners, less the fees.
    function _settle(bytes32 id, Grant storage g, Posting storage p) private {
        _free(p);
        g.keyVersion = 0;
        uint32 use = ++g.settledUses;
        g.state = use == g.uses ? State.Settled : State.Approved;
        uint256 price = g.price;
        escrowed -= price;
        uint256 rest = price;
        Fee[] storage fees = _charter.fees;
        for (uint256 i = 0; i < fees.length; i++) {
            Fee memory fee = fees[i];
            uint256 part = price * fee.basisPoints / 10_000;
            if (part == 0) continue;
            rest -= part;
            credited += part;
            creditOf[fee.recipient] += part;
            emit FeeCredited(id, use, fee.recipient, part);
        }
        emit Settled(id, use, price);
        if (token.totalSupply() < token.MIN_SUPPLY_FOR_DIVIDENDS()) {
            // Nobody owns enough to be paid: the treasury keeps it.
            credited += rest;
            creditOf[timelock] += rest;
            emit FeeCredited(id, use, timelock, rest);
            return;
        }
        token.paymentToken().forceApprove(address(token), rest);
        token.distribute(rest);
    }

    /// Of a use that is over: nothing hangs on it any more.
    function _free(Posting storage p) private {
        if (p.runner != address(0)) atRisk[p.runner] -= p.stake;
        if (p.challenger != address(0)) atRisk[p.challenger] -= p.stake;
        (p.runner, p.challenger) = (address(0), address(0));
    }

    function _checkTerms(Terms calldata t) private view {
        if (t.use != QUERY && t.use != COPY) revert TermsOutOfRange("use");
        if (t.buyer == address(0) || t.buyerKey == 0) revert TermsOutOfRange("buyer");
        if (t.kinds.length == 0 || t.kinds.length > MAX_KINDS) revert TermsOutOfRange("kinds");
        bytes32 previous = 0;
        for (uint256 i = 0; i < t.kinds.length; i++) {
            if (t.kinds[i] <= previous) revert TermsOutOfRange("kinds");
            previous = t.kinds[i];
        }
        if (t.fromYear > t.toYear || t.toYear > 9999) revert TermsOutOfRange("years");
        if (t.lastEpoch == 0 || t.lastEpoch != snapshotEpoch) revert NotSnapshot(t.lastEpoch, snapshotEpoch);
        if (t.groupSize < _charter.minimumGroupSize) revert TermsOutOfRange("groupSize");
        if (t.use == COPY ? t.epsilon != 0 : t.epsilon == 0 || t.epsilon > _charter.budget) {
            revert TermsOutOfRange("epsilon");
        }
        if (t.uses == 0 || t.uses > MAX_USES) revert TermsOutOfRange("uses");
        if (t.price == 0 || t.price > type(uint96).max / MAX_USES) revert TermsOutOfRange("price");
        if (t.expiry <= block.timestamp || t.expiry > block.timestamp + MAX_LIFE) revert TermsOutOfRange("expiry");
    }

    function _requireOpen(bytes32 id, Grant storage g, uint32 use) private view returns (address) {
        if (g.state != State.UseOpened && g.state != State.Challenged) revert WrongState(id, g.state);
        if (use != g.settledUses + 1) revert OutOfOrder(use, g.settledUses + 1);
        if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
        return g.runner;
    }

    /// What guardians read must not outlive the time in which a runner computes. Versions of keys count on while the use is
    /// not over, so that each names one key of one runner.
    function _close(Grant storage g) private {
        (g.runner, g.oneTimeKey, g.useDeadline) = (address(0), 0, 0);
    }

    function _refund(bytes32 id, Grant storage g) private {
        uint256 amount = g.price * (g.uses - g.settledUses);
        Posting storage p = _postings[id];
        if (g.runner != address(0)) atRisk[g.runner] -= p.stake;
        _free(p);
        g.state = State.Refunded;
        g.keyVersion = 0;
        _close(g);
        escrowed -= amount;
        credited += amount;
        creditOf[g.buyer] += amount;
        emit Refunded(id, g.buyer, amount);
    }

    function _checkSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(structHash), signature)) {
            revert InvalidSignature(signer);
        }
    }

    function _EIP712Name() internal pure override returns (string memory) {
        return "Trove Grants";
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
