// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/ERC20Upgradeable.sol";
import {ERC20PermitUpgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {ERC20VotesUpgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20VotesUpgradeable.sol";
import {NoncesUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/NoncesUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";

/// @title The shares of one asset, and the dividends on them
/// @notice An ERC-20 with permit and votes (timestamp clock). Only the asset's ledger mints, and only to itself.
/// Dividends accrue per share from the moment an epoch is posted; whoever held a share then can draw its part at any
/// time, claimed or not.
/// @dev A per-share accumulator of magnitude 2^128 with signed corrections per account:
/// earned(a) = (accumulator * balance(a) + correction(a)) / 2^128. Moving shares moves no rounding. Each owner's
/// claim rounds down, so at most one unit per owner and one for the division stay behind as dust.
contract ShareToken is ERC20Upgradeable, ERC20PermitUpgradeable, ERC20VotesUpgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 internal constant MAGNITUDE = 1 << 128;

    /// @notice Most shares there can ever be, in units of 10^-18.
    /// @dev With MAX_RECEIVED, MIN_SUPPLY and MAGNITUDE it keeps accumulator * balance below 2^255:
    /// accumulator <= 2^64 * 2^128 / 2^59, times 2^120 is 2^253.
    uint256 public constant MAX_SUPPLY = 1 << 120;

    /// @notice Most money that all dividends together can be, in atomic units.
    uint256 public constant MAX_RECEIVED = type(uint64).max;

    /// @notice Fewest shares to which a dividend can be paid: one whole share.
    uint256 public constant MIN_SUPPLY = 1e18;

    /// @notice The ledger: mints, and holds shares for their owners until somebody claims them.
    address public ledger;

    /// @notice The token dividends are paid in.
    IERC20 public paymentToken;

    /// @notice Dividends per share since the beginning, times 2^128.
    uint256 public accumulator;

    /// @notice All money taken in as dividends.
    uint256 public dividendsReceived;

    /// @notice All money paid out as dividends.
    uint256 public dividendsPaid;

    uint256 private _remainder;
    mapping(address account => int256) private _corrections;
    mapping(address account => uint256) private _paidTo;

    event DividendDistributed(address indexed from, uint256 amount, uint256 accumulator, uint256 totalSupply);
    event DividendClaimed(address indexed owner, uint256 amount);
    event SharesReleased(address indexed owner, uint256 amount);

    error OnlyLedger(address caller);
    error LedgerHoldsForOthers();
    error SupplyTooLarge(uint256 supply, uint256 most);
    error NobodyToPay(uint256 supply, uint256 least);
    error TooMuchMoney(uint256 received, uint256 most);
    error NothingArrived();
    error PartlyArrived(uint256 expected, uint256 arrived);

    modifier onlyLedger() {
        if (msg.sender != ledger) revert OnlyLedger(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice Called once, by the factory, in the transaction that creates the clone.
    function initialize(string calldata name_, string calldata symbol_, address ledger_, IERC20 paymentToken_) external initializer {
        __ERC20_init(name_, symbol_);
        __ERC20Permit_init(name_);
        __ERC20Votes_init();
        ledger = ledger_;
        paymentToken = paymentToken_;
    }

    /// @notice Mints an epoch's shares to the ledger, which holds them for their owners.
    function mint(uint256 amount) external onlyLedger {
        _mint(ledger, amount);
        if (totalSupply() > MAX_SUPPLY) revert SupplyTooLarge(totalSupply(), MAX_SUPPLY);
    }

    /// @notice Hands shares to their owner together with what they earned since their epoch was posted.
    /// @param accumulatorAtPosting the accumulator when the epoch was posted
    function release(address to, uint256 amount, uint256 accumulatorAtPosting) external onlyLedger {
        _transfer(ledger, to, amount);
        // _update gave the shares a history that begins now; theirs began at posting.
        int256 history = int256((accumulator - accumulatorAtPosting) * amount);
        _corrections[ledger] -= history;
        _corrections[to] += history;
        emit SharesReleased(to, amount);
    }

    /// @notice Pays a dividend from the caller's allowance.
    function distribute(uint256 amount) external nonReentrant {
        uint256 before = paymentToken.balanceOf(address(this));
        paymentToken.safeTransferFrom(msg.sender, address(this), amount);
        _distributed(msg.sender, amount, before);
    }

    /// @notice Pays a dividend by the payer's signature (EIP-3009); anybody may carry it here.
    function distributeWithAuthorization(
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonReentrant {
        uint256 before = paymentToken.balanceOf(address(this));
        IERC3009(address(paymentToken)).receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, signature);
        _distributed(from, amount, before);
    }

    /// @notice Pays an owner all it can claim. Anybody may call it; the money goes to the owner.
    function claim(address owner) external nonReentrant returns (uint256 amount) {
        if (owner == ledger) revert LedgerHoldsForOthers();
        amount = claimable(owner);
        if (amount == 0) return 0;
        _paidTo[owner] += amount;
        dividendsPaid += amount;
        emit DividendClaimed(owner, amount);
        paymentToken.safeTransfer(owner, amount);
    }

    /// @notice What an owner could claim now, not counting shares that are still with the ledger.
    function claimable(address owner) public view returns (uint256) {
        return uint256(int256(accumulator * balanceOf(owner)) + _corrections[owner]) / MAGNITUDE - _paidTo[owner];
    }

    /// @notice Seconds since 1970 (ERC-6372).
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice See ERC-6372.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The permit's nonce of an owner (ERC-2612).
    function nonces(address owner) public view override(ERC20PermitUpgradeable, NoncesUpgradeable) returns (uint256) {
        return super.nonces(owner);
    }

    function _distributed(address from, uint256 amount, uint256 before) private {
        uint256 arrived = paymentToken.balanceOf(address(this)) - before;
        if (amount == 0) revert NothingArrived();
        if (arrived != amount) revert PartlyArrived(amount, arrived);
        uint256 supply = totalSupply();
        if (supply < MIN_SUPPLY) revert NobodyToPay(supply, MIN_SUPPLY);
        dividendsReceived += amount;
        if (dividendsReceived > MAX_RECEIVED) revert TooMuchMoney(dividendsReceived, MAX_RECEIVED);
        uint256 magnified = amount * MAGNITUDE + _remainder;
        accumulator += magnified / supply;
        _remainder = magnified % supply;
        emit DividendDistributed(from, amount, accumulator, supply);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20Upgradeable, ERC20VotesUpgradeable) {
        if (to == ledger && from != address(0)) revert LedgerHoldsForOthers();
        super._update(from, to, value);
        int256 past = int256(accumulator * value);
        if (from != address(0)) _corrections[from] += past;
        if (to != address(0)) {
            _corrections[to] -= past;
            // Shares that nobody delegated would not count; owners may delegate elsewhere at any time.
            if (to != ledger && delegates(to) == address(0) && numCheckpoints(to) == 0) _delegate(to, to);
        }
    }
}
