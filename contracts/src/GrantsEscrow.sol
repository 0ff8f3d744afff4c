// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {GrantsTerms} from "./GrantsTerms.sol";
import {IReceiveWithAuthorization} from "./ShareToken.sol";

/// @title The money that waits between a request and its end
/// @notice Escrow becomes dividends and fees, or the buyer's credit; nobody who cannot be paid holds up others. Knows nothing
/// of what is bought. Formats: specs/grants.md.
abstract contract GrantsEscrow is GrantsTerms, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Payment units that wait for a vote, a use or a result.
    uint256 public escrowed;
    /// @notice Payment units that went back to buyers, or are fees, and wait to be fetched.
    uint256 public credited;
    /// @notice Payment units that wait for a buyer or a recipient of fees.
    mapping(address recipient => uint256) public creditOf;

    event Settled(bytes32 indexed request, uint32 indexed use, uint256 amount);
    event Refunded(bytes32 indexed request, address indexed buyer, uint256 amount);
    event FeeCredited(bytes32 indexed request, uint32 indexed use, address indexed recipient, uint256 amount);
    event CreditPaid(address indexed recipient, uint256 amount);

    /// @notice The payment token brought something else than the price.
    error PaymentMismatch(uint256 received, uint256 expected);

    /// @notice Pays a buyer what went back, or a recipient its fees; anyone may call it, nobody else is paid.
    function payCredit(address recipient) external nonReentrant returns (uint256 amount) {
        amount = creditOf[recipient];
        if (amount == 0) return 0;
        delete creditOf[recipient];
        credited -= amount;
        emit CreditPaid(recipient, amount);
        token.paymentToken().safeTransfer(recipient, amount);
    }

    /// Draws the money of a request by the buyer's EIP-3009 authorization, whose nonce is the request's identifier.
    function _lock(bytes32 id, address buyer, uint256 total, uint256 validBefore, bytes calldata signature) internal {
        escrowed += total;
        IERC20 money = token.paymentToken();
        uint256 before = money.balanceOf(address(this));
        IReceiveWithAuthorization(address(money))
            .receiveWithAuthorization(buyer, address(this), total, 0, validBefore, id, signature);
        uint256 received = money.balanceOf(address(this)) - before;
        if (received != total) revert PaymentMismatch(received, total);
    }

    /// The price of a use goes to the owners, less the fees.
    function _release(bytes32 id, uint32 use, uint256 price) internal {
        escrowed -= price;
        uint256 rest = price;
        Fee[] storage fees = _charter.fees;
        for (uint256 i = 0; i < fees.length; i++) {
            Fee memory fee = fees[i];
            uint256 part = price * fee.basisPoints / 10_000;
            if (part == 0) continue;
            rest -= part;
            _owe(fee.recipient, part);
            emit FeeCredited(id, use, fee.recipient, part);
        }
        emit Settled(id, use, price);
        if (token.totalSupply() < token.MIN_SUPPLY_FOR_DIVIDENDS()) {
            // Nobody owns enough to be paid: the treasury keeps it.
            _owe(timelock, rest);
            emit FeeCredited(id, use, timelock, rest);
            return;
        }
        token.paymentToken().forceApprove(address(token), rest);
        token.distribute(rest);
    }

    /// What is not settled goes back to the buyer.
    function _giveBack(bytes32 id, address buyer, uint256 amount) internal {
        escrowed -= amount;
        _owe(buyer, amount);
        emit Refunded(id, buyer, amount);
    }

    function _owe(address recipient, uint256 amount) private {
        credited += amount;
        creditOf[recipient] += amount;
    }
}
