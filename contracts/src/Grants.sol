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

/// @title What buyers ask for, what owners granted, and the money that waits in between
/// @notice A request locks its price; the owners' vote approves it, and that approval is the grant; a registered runner
/// opens a use before anything is released to it; a result pays the owners, and everything else pays the buyer back.
/// Escrow is kept here, dividends in the share token: they never mix. Formats: specs/grants.md.
contract Grants is EIP712Upgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    enum State {
        None,
        Requested,
        Approved,
        UseOpened,
        Settled,
        Refunded
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
        /// Of the use that is open.
        uint32 keyVersion;
        uint64 useDeadline;
        address runner;
        bytes32 oneTimeKey;
        uint256 price;
    }

    /// @notice Numbers computed over records; nothing of their text.
    uint8 public constant QUERY = 1;
    /// @notice The records themselves.
    uint8 public constant COPY = 2;
    uint256 public constant MAX_CODE = 8192;
    uint256 public constant MAX_KINDS = 16;
    uint256 public constant MAX_USES = 1000;
    uint256 public constant MAX_LIFE = 180 days;

    bytes32 private constant OPEN_USE_TYPEHASH =
        keccak256("OpenUse(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)");
    bytes32 private constant RESULT_TYPEHASH =
        keccak256("Result(bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner)");
    bytes32 private constant FAILURE_TYPEHASH =
        keccak256("Failure(bytes32 request,uint32 use,bytes32 code,address runner)");

    ShareToken public token;
    Registry public registry;
    Ledger public ledger;
    AssetGovernor public governor;
    address public timelock;
    /// @notice Seconds a runner has for an opened use.
    uint32 public useTime;
    /// @notice Fewest members that a cell of an output can have.
    uint32 public minimumGroupSize;
    /// @notice Contributions that must come in before the data can be looked at anew.
    uint32 public minimumSnapshotLeaves;

    /// @notice The snapshot that requests name now; 0 before the first.
    uint64 public snapshotEpoch;
    /// @notice The ledger's leaves up to the snapshot.
    uint256 public snapshotLeaves;
    /// @notice When a snapshot was taken, in seconds; what was withdrawn earlier is not part of it.
    mapping(uint64 epoch => uint256 timestamp) public snapshotAt;

    /// @notice Payment units that wait for a vote, a use or a result.
    uint256 public escrowed;
    /// @notice Payment units that went back to buyers and wait to be fetched.
    uint256 public credited;
    /// @notice Payment units that wait for a buyer.
    mapping(address buyer => uint256) public creditOf;
    mapping(bytes32 request => Grant) private _grants;

    event SnapshotTaken(uint64 indexed epoch, uint256 leaves);
    event Requested(bytes32 indexed request, address indexed buyer, Terms terms, bytes code);
    event Approved(bytes32 indexed request);
    event UseOpened(
        bytes32 indexed request,
        uint32 indexed use,
        address indexed runner,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        uint64 deadline
    );
    event ResultPosted(
        bytes32 indexed request, uint32 indexed use, address indexed runner, bytes32 resultHash, bytes32 inputsHash
    );
    event UseFailed(bytes32 indexed request, uint32 indexed use, address indexed runner, bytes32 code);
    event Revoked(bytes32 indexed request);
    event Settled(bytes32 indexed request, uint32 indexed use, uint256 amount);
    event Refunded(bytes32 indexed request, address indexed buyer, uint256 amount);
    event CreditPaid(address indexed buyer, uint256 amount);

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
    function initialize(
        ShareToken token_,
        Registry registry_,
        Ledger ledger_,
        AssetGovernor governor_,
        address timelock_,
        AssetGovernor.Governance calldata s
    ) external initializer {
        if (s.useTime == 0 || s.useTime > 7 days) revert TermsOutOfRange("useTime");
        if (s.minimumGroupSize == 0) revert TermsOutOfRange("minimumGroupSize");
        if (s.minimumSnapshotLeaves == 0) revert TermsOutOfRange("minimumSnapshotLeaves");
        (token, registry, ledger, governor, timelock) = (token_, registry_, ledger_, governor_, timelock_);
        useTime = s.useTime;
        minimumGroupSize = s.minimumGroupSize;
        minimumSnapshotLeaves = s.minimumSnapshotLeaves;
    }

    /// @notice Makes the latest epoch the one that requests name; anyone may, once enough contributions came in.
    function takeSnapshot() external {
        uint256 leaves = ledger.totalLeaves();
        uint256 added = leaves - snapshotLeaves;
        if (added < minimumSnapshotLeaves) revert SnapshotTooSmall(added, minimumSnapshotLeaves);
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
        (g.expiry, g.uses, g.price) = (t.expiry, t.uses, t.price);
        uint256 total = t.price * t.uses;
        escrowed += total;
        emit Requested(id, t.buyer, t, code);

        IERC20 money = token.paymentToken();
        uint256 before = money.balanceOf(address(this));
        IReceiveWithAuthorization(address(money))
            .receiveWithAuthorization(t.buyer, address(this), total, 0, validBefore, id, signature);
        uint256 received = money.balanceOf(address(this)) - before;
        if (received != total) revert PaymentMismatch(received, total);
    }

    /// @notice The owners' vote: from here on the request is a grant. Its identifier binds all terms and the money.
    function approve(bytes32 id) external onlyTimelock {
        Grant storage g = _grants[id];
        if (g.state != State.Requested) revert WrongState(id, g.state);
        if (block.timestamp > g.expiry) revert TooLate(g.expiry);
        g.state = State.Approved;
        emit Approved(id);
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
        if (!registry.isRunner(runner)) revert NotRunner(runner);
        uint256 until = registry.pausedUntil();
        if (block.timestamp < until) revert Paused(until);
        if (use != g.settledUses + 1) revert OutOfOrder(use, g.settledUses + 1);
        if (oneTimeKey == 0) revert TermsOutOfRange("oneTimeKey");
        if (g.state == State.Approved) {
            if (block.timestamp > g.expiry) revert TooLate(g.expiry);
            if (keyVersion != 1) revert OutOfOrder(keyVersion, 1);
            (g.state, g.runner, g.useDeadline) = (State.UseOpened, runner, uint64(block.timestamp) + useTime);
        } else if (g.state == State.UseOpened) {
            if (runner != g.runner) revert NotRunner(runner);
            if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
            if (keyVersion != g.keyVersion + 1) revert OutOfOrder(keyVersion, g.keyVersion + 1);
        } else {
            revert WrongState(id, g.state);
        }
        _checkSignature(
            runner, keccak256(abi.encode(OPEN_USE_TYPEHASH, id, use, oneTimeKey, keyVersion, runner)), signature
        );
        (g.keyVersion, g.oneTimeKey) = (keyVersion, oneTimeKey);
        emit UseOpened(id, use, runner, oneTimeKey, keyVersion, g.useDeadline);
    }

    /// @notice The runner's result of the open use: its price goes to the owners.
    /// @param resultHash SHA-256 of the result, encrypted to the buyer.
    /// @param inputsHash Hash of all parts that were read.
    function postResult(bytes32 id, uint32 use, bytes32 resultHash, bytes32 inputsHash, bytes calldata signature)
        external
        nonReentrant
    {
        Grant storage g = _grants[id];
        address runner = _requireOpen(id, g, use);
        _checkSignature(
            runner, keccak256(abi.encode(RESULT_TYPEHASH, id, use, resultHash, inputsHash, runner)), signature
        );
        g.settledUses = use;
        g.state = use == g.uses ? State.Settled : State.Approved;
        _close(g);
        uint256 price = g.price;
        escrowed -= price;
        emit ResultPosted(id, use, runner, resultHash, inputsHash);
        emit Settled(id, use, price);
        token.paymentToken().forceApprove(address(token), price);
        token.distribute(price);
    }

    /// @notice The runner could not compute the open use: what is not settled goes to the buyer.
    /// @param code Class of the failure, ASCII; nothing of the data.
    function failUse(bytes32 id, uint32 use, bytes32 code, bytes calldata signature) external {
        Grant storage g = _grants[id];
        address runner = _requireOpen(id, g, use);
        _checkSignature(runner, keccak256(abi.encode(FAILURE_TYPEHASH, id, use, code, runner)), signature);
        emit UseFailed(id, use, runner, code);
        _refund(id, g);
    }

    /// @notice Gives back what is not settled: when the vote failed, when nobody opened a use in time, or when the runner
    /// did not finish one. Anyone may call it.
    function refund(bytes32 id) external {
        Grant storage g = _grants[id];
        if (!isRefundable(id)) revert WrongState(id, g.state);
        _refund(id, g);
    }

    /// @notice Pays a buyer what went back; anyone may call it, only the buyer is paid.
    function payCredit(address buyer) external nonReentrant returns (uint256 amount) {
        amount = creditOf[buyer];
        if (amount == 0) return 0;
        delete creditOf[buyer];
        credited -= amount;
        emit CreditPaid(buyer, amount);
        token.paymentToken().safeTransfer(buyer, amount);
    }

    /// @notice Would refund succeed now?
    function isRefundable(bytes32 id) public view returns (bool) {
        Grant storage g = _grants[id];
        if (g.state == State.Requested) return block.timestamp > g.expiry || governor.isRejected(id);
        if (g.state == State.Approved) return block.timestamp > g.expiry;
        return g.state == State.UseOpened && block.timestamp > g.useDeadline;
    }

    /// @notice Identifier of a request: hash of chain, contract and all terms.
    function requestId(Terms calldata t) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), t));
    }

    /// @notice Where a request stands; all zero for one that was never made.
    function grantOf(bytes32 id) external view returns (Grant memory) {
        return _grants[id];
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
        if (t.groupSize < minimumGroupSize) revert TermsOutOfRange("groupSize");
        if (t.uses == 0 || t.uses > MAX_USES) revert TermsOutOfRange("uses");
        if (t.price == 0 || t.price > type(uint96).max / MAX_USES) revert TermsOutOfRange("price");
        if (t.expiry <= block.timestamp || t.expiry > block.timestamp + MAX_LIFE) revert TermsOutOfRange("expiry");
    }

    function _requireOpen(bytes32 id, Grant storage g, uint32 use) private view returns (address) {
        if (g.state != State.UseOpened) revert WrongState(id, g.state);
        if (use != g.settledUses + 1) revert OutOfOrder(use, g.settledUses + 1);
        if (block.timestamp > g.useDeadline) revert TooLate(g.useDeadline);
        return g.runner;
    }

    /// What guardians read must not outlive the use.
    function _close(Grant storage g) private {
        (g.runner, g.oneTimeKey, g.keyVersion, g.useDeadline) = (address(0), 0, 0, 0);
    }

    function _refund(bytes32 id, Grant storage g) private {
        uint256 amount = g.price * (g.uses - g.settledUses);
        g.state = State.Refunded;
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
