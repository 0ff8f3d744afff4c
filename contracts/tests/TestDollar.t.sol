// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {TestDollar} from "../src/TestDollar.sol";

contract TestDollarTest is Fixture {
    uint256 private constant PAYER_KEY = uint256(keccak256("payer"));
    address private payer = vm.addr(PAYER_KEY);

    function setUp() public override {
        super.setUp();
        dollar.mint(payer, 1000);
    }

    function digest(string memory kind, uint256 validAfter, uint256 validBefore) private view returns (bytes32) {
        bytes32 typeHash = keccak256(
            bytes.concat(
                bytes(kind),
                "WithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
            )
        );
        return typedDigest(
            "Trove Test Dollar",
            block.chainid,
            address(dollar),
            keccak256(abi.encode(typeHash, payer, address(this), 100, validAfter, validBefore, bytes32("n")))
        );
    }

    function cancelDigest() private view returns (bytes32) {
        return typedDigest(
            "Trove Test Dollar",
            block.chainid,
            address(dollar),
            keccak256(
                abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), payer, bytes32("n"))
            )
        );
    }

    function test_OnlyItsOwnerMints() public {
        vm.assertEq(dollar.decimals(), 6, "decimals");
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, member(0)));
        vm.prank(member(0));
        dollar.mint(member(0), 1);
    }

    function test_AuthorizationTransfersOnce() public {
        bytes memory s = signature(PAYER_KEY, digest("Transfer", 0, DEADLINE));
        vm.prank(member(0));
        dollar.transferWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", s);
        vm.assertEq(dollar.balanceOf(address(this)), 100, "moved");
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, bytes32("n")));
        dollar.transferWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", s);
    }

    function test_SplitAndWholeSignaturesShareTheNonce() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYER_KEY, digest("Transfer", 0, DEADLINE));
        dollar.transferWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", v, r, s);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, bytes32("n")));
        dollar.transferWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", abi.encodePacked(r, s, v));
        (v, r, s) = vm.sign(PAYER_KEY, digest("Receive", 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, bytes32("n")));
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", v, r, s);
    }

    function test_OnlyThePayeeReceives() public {
        bytes memory s = signature(PAYER_KEY, digest("Receive", 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(this)));
        vm.prank(member(0));
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", s);
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", s);
        vm.assertEq(dollar.balanceOf(address(this)), 100, "moved");
    }

    function test_AuthorizationHoldsOnlyBetweenItsTimes() public {
        uint256 start = block.timestamp;
        bytes memory s = signature(PAYER_KEY, digest("Receive", start, start + 10));
        bytes memory refusal =
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, start, start + 10);
        vm.expectRevert(refusal);
        dollar.receiveWithAuthorization(payer, address(this), 100, start, start + 10, "n", s);
        vm.warp(start + 10);
        vm.expectRevert(refusal);
        dollar.receiveWithAuthorization(payer, address(this), 100, start, start + 10, "n", s);
        vm.warp(start + 9);
        dollar.receiveWithAuthorization(payer, address(this), 100, start, start + 10, "n", s);
    }

    function test_TimesAreAlwaysSeconds() public {
        // OpenZeppelin's draft would read these two as block numbers 0 and 100.
        uint256 flag = 1 << 47;
        bytes memory s = signature(PAYER_KEY, digest("Receive", flag, flag + 100));
        vm.expectRevert(
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, flag, flag + 100)
        );
        dollar.receiveWithAuthorization(payer, address(this), 100, flag, flag + 100, "n", s);
    }

    function test_CancelledAuthorizationIsDead() public {
        dollar.cancelAuthorization(payer, "n", signature(PAYER_KEY, cancelDigest()));
        vm.assertTrue(dollar.authorizationState(payer, "n"), "used up");
        bytes memory s = signature(PAYER_KEY, digest("Receive", 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, bytes32("n")));
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", s);
    }

    function test_AuthorizationFailsElsewhereOrForAnotherPurpose() public {
        bytes memory transfer = signature(PAYER_KEY, digest("Transfer", 0, DEADLINE));
        bytes memory receive_ = signature(PAYER_KEY, digest("Receive", 0, DEADLINE));
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", transfer);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.transferWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", receive_);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.cancelAuthorization(payer, "n", receive_);
        TestDollar other = new TestDollar(address(this));
        other.mint(payer, 1000);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        other.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", receive_);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.receiveWithAuthorization(payer, address(this), 100, 0, DEADLINE, "n", receive_);
    }
}
