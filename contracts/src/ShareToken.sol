// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {ERC20Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/ERC20Upgradeable.sol";
import {ERC20PermitUpgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {ERC20VotesUpgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20VotesUpgradeable.sol";
import {VotesUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/utils/VotesUpgradeable.sol";
import {NoncesUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/NoncesUpgradeable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice The part of EIP-3009 that pays a contract, with the signature as bytes (USDC 2.2).
interface IReceiveWithAuthorization {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
}

/// @title Shares of one asset, and the dividends they earn
/// @notice ERC-20 (18 decimals), ERC-2612 permit, ERC-5805 votes on a timestamp clock. Revenue in the payment token is
/// spread over all shares that exist, those still waiting in the ledger included.
/// @dev Let `x(a)` be what account a has earned in all, in units of 2^-128 payment units. It is not stored; it equals
/// `accumulator * balance(a) + correction(a)`. A distribution raises the accumulator only, a transfer changes balance and
/// correction so that x of both sides stays as it is, exactly: the one rounding is down, when x is read out in units.
///
/// Overflow: all x are >= 0 and sum, with what is not distributed, to at most dividendsReceived * 2^128 < 2^224, since
/// dividendsReceived <= MAX_DIVIDENDS. `accumulator * balance` alone may exceed 2^256 (a distribution, or what lapses, raises
/// the accumulator by less than 2^165; balance < 2^120), but sums and products that wrap are right modulo 2^256, and a number
/// known to be below 2^224 is known by its residue. Hence `unchecked`, on purpose.
contract ShareToken is ERC20PermitUpgradeable, ERC20VotesUpgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Most payment units one asset can receive in its life.
    uint256 public constant MAX_DIVIDENDS = type(uint96).max;
    /// @notice Most shares there can be, in units of 10^-18.
    uint256 public constant MAX_SUPPLY = type(uint120).max;
    /// @notice Fewest shares that can receive a dividend: one whole share. Bounds the accumulator below 2^165.
    uint256 public constant MIN_SUPPLY_FOR_DIVIDENDS = 1e18;

    /// @notice The ledger that mints and holds shares until they are claimed.
    address public ledger;
    /// @notice The token that dividends are paid in.
    IERC20 public paymentToken;
    /// @notice Accounts that own shares; the ledger is none.
    uint256 public holders;
    /// @notice Dividends per share unit since the beginning, times 2^128.
    uint256 public accumulator;
    /// @notice Payment units received for distribution in all.
    uint256 public dividendsReceived;
    /// @notice Payment units paid out in all.
    uint256 public dividendsPaid;
    /// @notice Payment units paid out to an owner.
    mapping(address owner => uint256) public dividendsPaidTo;

    /// What is not distributed, in units of 2^-128, carried into the next distribution: the remainder of the last division;
    /// and what lapsed while there were too few shares.
    uint256 private _remainder;
    /// Signed corrections in two's complement.
    mapping(address account => uint256) private _correction;

    /// From the zero address what was sent here plainly: nobody can say by whom, and whoever calls `sync` did not pay it.
    event DividendDistributed(address indexed from, uint256 amount, uint256 accumulator, uint256 totalSupply);
    event DividendClaimed(address indexed owner, uint256 amount);
    event SharesReleased(address indexed owner, uint256 amount);
    event SharesLapsed(uint256 amount, uint256 accumulator, uint256 totalSupply);

    /// @notice Only the ledger may call this.
    error NotLedger(address caller);
    /// @notice Shares cannot be sent to the ledger: nobody could claim them back.
    error TransferToLedger();
    /// @notice The ledger holds dividends for the owners of unclaimed shares: claim the shares first.
    error LedgerCannotClaim();
    /// @notice Fewer than MIN_SUPPLY_FOR_DIVIDENDS shares exist: distribute after the first epoch is posted.
    error SupplyTooSmall(uint256 supply);
    /// @notice The payment brought nothing.
    error NothingReceived();
    /// @notice The asset would have received more than MAX_DIVIDENDS.
    error TooManyDividends(uint256 received);
    /// @notice The accumulator given lies in the future.
    error AccumulatorAhead(uint256 given, uint256 current);

    modifier onlyLedger() {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        _;
    }

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(string calldata name_, string calldata symbol_, IERC20 paymentToken_, address ledger_)
        external
        initializer
    {
        __ERC20_init(name_, symbol_);
        __ERC20Permit_init(name_);
        paymentToken = paymentToken_;
        ledger = ledger_;
    }

    /// @notice Mints shares to the ledger, which alone may ask for it.
    function mint(uint256 amount) external onlyLedger {
        _mint(msg.sender, amount);
    }

    /// @notice Hands shares that waited in the ledger to their owner, with all dividends since they were minted.
    /// @param accumulatorAtPosting The accumulator when these shares were minted.
    function release(address to, uint256 amount, uint256 accumulatorAtPosting) external onlyLedger {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        if (accumulatorAtPosting > accumulator) revert AccumulatorAhead(accumulatorAtPosting, accumulator);
        _update(msg.sender, to, amount);
        unchecked {
            uint256 history = (accumulator - accumulatorAtPosting) * amount;
            _correction[msg.sender] -= history;
            _correction[to] += history;
        }
        emit SharesReleased(to, amount);
    }

    /// @notice Burns shares that wait in the ledger and never will be anyone's. What they earned goes to all others.
    /// @param accumulatorAtPosting The accumulator when these shares were minted.
    function lapse(uint256 amount, uint256 accumulatorAtPosting) external onlyLedger {
        if (accumulatorAtPosting > accumulator) revert AccumulatorAhead(accumulatorAtPosting, accumulator);
        _burn(msg.sender, amount);
        uint256 history;
        unchecked {
            history = (accumulator - accumulatorAtPosting) * amount;
            _correction[msg.sender] -= history;
        }
        uint256 supply = totalSupply();
        if (supply < MIN_SUPPLY_FOR_DIVIDENDS) _remainder += history;
        else _raise(history, supply);
        emit SharesLapsed(amount, accumulator, supply);
    }

    /// @notice Distributes payment tokens of the caller, by allowance, to all shares.
    /// @return received What arrived; less than `amount` when the payment token takes a fee.
    function distribute(uint256 amount) external nonReentrant returns (uint256 received) {
        uint256 before = paymentToken.balanceOf(address(this));
        paymentToken.safeTransferFrom(msg.sender, address(this), amount);
        return _distribute(msg.sender, before);
    }

    /// @notice Distributes payment tokens by a signed EIP-3009 authorization of `from` to this contract; anyone may send it.
    /// @return received What arrived; less than `amount` when the payment token takes a fee.
    function distributeWithAuthorization(
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonReentrant returns (uint256 received) {
        uint256 before = paymentToken.balanceOf(address(this));
        IReceiveWithAuthorization(address(paymentToken))
            .receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, signature);
        return _distribute(from, before);
    }

    /// @notice Distributes payment tokens that were sent here plainly; anyone may call it.
    /// @return received What was here beyond what is owed to owners.
    function sync() external nonReentrant returns (uint256 received) {
        return _distribute(address(0), dividendsReceived - dividendsPaid);
    }

    /// @notice Pays an owner what is claimable; anyone may call it, only the owner is paid.
    function claim(address owner) external nonReentrant returns (uint256 amount) {
        if (owner == ledger) revert LedgerCannotClaim();
        amount = claimable(owner);
        if (amount == 0) return 0;
        dividendsPaidTo[owner] += amount;
        dividendsPaid += amount;
        emit DividendClaimed(owner, amount);
        paymentToken.safeTransfer(owner, amount);
    }

    /// @notice Payment units an owner can claim now. For the ledger: what waits there with unclaimed shares.
    function claimable(address owner) public view returns (uint256) {
        uint256 earned;
        unchecked {
            earned = accumulator * balanceOf(owner) + _correction[owner];
        }
        return (earned >> 128) - dividendsPaidTo[owner];
    }

    /// @inheritdoc VotesUpgradeable
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @inheritdoc VotesUpgradeable
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @inheritdoc ERC20PermitUpgradeable
    function nonces(address owner) public view override(ERC20PermitUpgradeable, NoncesUpgradeable) returns (uint256) {
        return super.nonces(owner);
    }

    function _distribute(address from, uint256 balanceBefore) private returns (uint256 received) {
        uint256 balance = paymentToken.balanceOf(address(this));
        if (balance <= balanceBefore) revert NothingReceived();
        received = balance - balanceBefore;
        uint256 supply = totalSupply();
        if (supply < MIN_SUPPLY_FOR_DIVIDENDS) revert SupplyTooSmall(supply);
        if (received > MAX_DIVIDENDS - dividendsReceived) revert TooManyDividends(received);
        dividendsReceived += received;
        _raise(received << 128, supply);
        emit DividendDistributed(from, received, accumulator, supply);
    }

    /// Spreads over all shares what is given in units of 2^-128.
    function _raise(uint256 earned, uint256 supply) private {
        uint256 numerator = earned + _remainder;
        accumulator += numerator / supply;
        _remainder = numerator % supply;
    }

    function _update(address from, address to, uint256 value)
        internal
        override(ERC20Upgradeable, ERC20VotesUpgradeable)
    {
        if (to == ledger && from != address(0)) revert TransferToLedger();
        // What lapses goes to the zero address, which owns nothing.
        bool first = value != 0 && to != ledger && to != address(0) && balanceOf(to) == 0;
        super._update(from, to, value);
        if (first) holders++;
        if (value != 0 && from != address(0) && from != ledger && balanceOf(from) == 0) holders--;
        unchecked {
            uint256 history = accumulator * value;
            if (from != address(0)) _correction[from] += history;
            if (to != address(0)) _correction[to] -= history;
        }
        // Votes count only when delegated. The ledger never votes: its shares belong to those who have yet to claim them.
        if (first && delegates(to) == address(0)) _delegate(to, to);
    }

    function _maxSupply() internal pure override returns (uint256) {
        return MAX_SUPPLY;
    }
}
