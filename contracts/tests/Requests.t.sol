// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {FeeDollar, ReentrantDollar} from "./Tokens.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsCharter} from "../src/GrantsCharter.sol";
import {GrantsTerms} from "../src/GrantsTerms.sol";
import {GrantsEscrow} from "../src/GrantsEscrow.sol";
import {Ledger} from "../src/Ledger.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// What buyers can ask for, that their payment is for exactly that, and which data they can name.
contract RequestsTest is GrantsFixture {
    // Terms

    function refusesTerms(Grants.Terms memory t, string memory term) private {
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(GrantsCharter.TermsOutOfRange.selector, term));
    }

    function test_TermsOutOfRangeAreRefused() public {
        Grants.Terms memory t = termsOf("one");
        t.use = 0;
        refusesTerms(t, "use");
        t.use = 3;
        refusesTerms(t, "use");
        t = termsOf("one");
        t.buyer = address(0);
        refusesTerms(t, "buyer");
        t = termsOf("one");
        t.buyerKey = 0;
        refusesTerms(t, "buyer");
        t = termsOf("one");
        (t.fromYear, t.toYear) = (2020, 2019);
        refusesTerms(t, "years");
        t.toYear = 10_000;
        refusesTerms(t, "years");
        t = termsOf("one");
        t.groupSize = 1;
        refusesTerms(t, "groupSize");
        t = termsOf("one");
        t.uses = 0;
        refusesTerms(t, "uses");
        t.uses = 1001;
        refusesTerms(t, "uses");
        t = termsOf("one");
        t.price = 0;
        refusesTerms(t, "price");
        t.price = uint256(type(uint96).max) / 1000 + 1;
        refusesTerms(t, "price");
        t = termsOf("one");
        t.expiry = uint64(vm.getBlockTimestamp());
        refusesTerms(t, "expiry");
        t.expiry = uint64(vm.getBlockTimestamp() + 180 days + 1);
        refusesTerms(t, "expiry");
    }

    function test_TermsAtTheirBoundsAreTaken() public {
        Grants.Terms memory t = termsOf("bounds");
        t.kinds = new bytes32[](16);
        for (uint256 i = 0; i < 16; i++) {
            t.kinds[i] = bytes32(i + 1);
        }
        (t.fromYear, t.toYear) = (0, 9999);
        (t.uses, t.price) = (1000, uint256(type(uint96).max) / 1000);
        t.expiry = uint64(vm.getBlockTimestamp() + 180 days);
        dollar.mint(buyer, type(uint96).max);
        bytes32 id = ask(t);
        vm.assertEq(grants.escrowed(), t.price * 1000, "escrowed");
        Grants.Terms memory u = termsOf("shortest");
        (u.fromYear, u.toYear, u.price, u.expiry) = (0, 0, 1, uint64(vm.getBlockTimestamp() + 1));
        ask(u);
        vm.warp(t.expiry + 1);
        grants.refund(id);
        grants.refund(idOf(u));
        vm.assertEq(grants.escrowed(), 0, "all back");
    }

    function test_KindsAreAscendingAndBounded() public {
        Grants.Terms memory t = termsOf("one");
        t.kinds = new bytes32[](0);
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](1);
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](2);
        (t.kinds[0], t.kinds[1]) = ("post", "comment");
        refusesTerms(t, "kinds");
        t.kinds[1] = "post";
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](17);
        for (uint256 i = 0; i < 17; i++) {
            t.kinds[i] = bytes32(i + 1);
        }
        refusesTerms(t, "kinds");
    }

    function test_CodeIsTheOneWhoseHashIsInTheTermsAndBounded() public {
        Grants.Terms memory t = termsOf("one");
        bytes memory s = paymentOf(t);
        bytes memory other = "SELECT count(*) CLIP 10 FROM records";
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, other, DEADLINE, s)),
            abi.encodeWithSelector(GrantsTerms.CodeMismatch.selector, keccak256(other), t.codeHash)
        );
        bytes memory outOfRange = abi.encodeWithSelector(GrantsCharter.TermsOutOfRange.selector, "code");
        refuses(address(grants), abi.encodeCall(grants.request, (t, "", DEADLINE, s)), outOfRange);
        bytes memory long = new bytes(8193);
        t.codeHash = keccak256(long);
        s = paymentOf(t);
        refuses(address(grants), abi.encodeCall(grants.request, (t, long, DEADLINE, s)), outOfRange);
        long = new bytes(8192);
        t.codeHash = keccak256(long);
        grants.request(t, long, DEADLINE, paymentOf(t));
    }

    function test_NoRequestsBeforeTheAssetIsMature() public {
        AssetFactory.AssetParams memory p = params("young");
        p.governance.minimumOwners = 5;
        p.governance.minimumAge = 0;
        useAsset(p);
        grow();
        refuses(address(grants), requestCall(termsOf("one")), abi.encodeWithSelector(Grants.NotMature.selector));
        vm.prank(owner(3));
        token.transfer(stranger, 1);
        ask(termsOf("one"));
    }

    // Payment

    function refusesPayment(Grants.Terms memory t, uint256 validBefore, bytes memory s) private {
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, CODE, validBefore, s)),
            abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector)
        );
    }

    function test_PaymentIsForOneRequestAndOneAmount() public {
        Grants.Terms memory t = termsOf("one");
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE, DEADLINE, "another nonce"));
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE + 1, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE - 1, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, payment(address(token), PRICE, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE + 1, payment(address(grants), PRICE, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, paymentOf(termsOf("two")));
        refusesPayment(t, DEADLINE, new bytes(65));
        vm.assertEq(grants.escrowed(), 0, "nothing was locked");
        ask(t);
    }

    function test_PaymentCannotBeUsedOnAnotherChainOrAsset() public {
        Grants.Terms memory t = termsOf("one");
        bytes memory s = paymentOf(t);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesPayment(t, DEADLINE, s);
        vm.chainId(chain);
        Grants first = grants;
        useAsset(params("twin"));
        grow();
        refusesPayment(t, DEADLINE, s);
        first.request(t, CODE, DEADLINE, s);
    }

    function test_PaymentHoldsUntilItsTime() public {
        Grants.Terms memory t = termsOf("one");
        uint256 validBefore = vm.getBlockTimestamp() + 100;
        bytes memory s = payment(address(grants), PRICE, validBefore, idOf(t));
        vm.warp(validBefore);
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, CODE, validBefore, s)),
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, validBefore)
        );
        vm.warp(validBefore - 1);
        grants.request(t, CODE, validBefore, s);
    }

    function test_BuyerWithoutTheMoneyLocksNothing() public {
        Grants.Terms memory t = termsOf("one");
        uint256 all = dollar.balanceOf(buyer);
        vm.prank(buyer);
        dollar.transfer(stranger, all);
        (bool ok,) = address(grants).call(requestCall(t));
        vm.assertTrue(!ok, "refused");
        isIn(idOf(t), Grants.State.None, "no request");
        moneyIs(0, 0, 0);
    }

    /// Another value for each field in turn; where the contract allows it, so that the payment alone can stop it.
    function changed(Grants.Terms memory t, uint256 field) private view {
        if (field == 0) t.buyer = stranger;
        else if (field == 1) t.buyerKey = keccak256("mine");
        else if (field == 2) (t.use, t.epsilon) = (2, 0);
        else if (field == 3) t.kinds[1] = "prompt";
        else if (field == 4) t.fromYear++;
        else if (field == 5) t.toYear--;
        else if (field == 6) t.lastEpoch++;
        else if (field == 7) t.codeHash = keccak256("SELECT count(*) CLIP 10 FROM records");
        else if (field == 8) t.groupSize++;
        else if (field == 9) t.price--;
        else if (field == 10) t.uses++;
        else if (field == 11) t.expiry--;
        else if (field == 12) t.epsilon++;
        else t.salt = "two";
    }

    function test_EveryTermIsPartOfTheIdentifierAndPaidFor() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = grants.requestId(t);
        vm.assertEq(id, idOf(t), "identifier");
        bytes memory s = paymentOf(t);
        dollar.mint(stranger, 1e12);
        for (uint256 field = 0; field < 14; field++) {
            Grants.Terms memory u = termsOf("one");
            changed(u, field);
            vm.assertTrue(grants.requestId(u) != id, "another identifier");
            bytes memory code = field == 7 ? bytes("SELECT count(*) CLIP 10 FROM records") : CODE;
            bytes memory why = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
            if (field == 6) why = abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, u.lastEpoch, t.lastEpoch);
            refuses(address(grants), abi.encodeCall(grants.request, (u, code, DEADLINE, s)), why);
        }
        grants.request(t, CODE, DEADLINE, s);
        vm.chainId(block.chainid + 1);
        vm.assertTrue(grants.requestId(t) != id, "another chain, another identifier");
    }

    function testFuzz_PaymentForOneIdentifierNeverPaysAnother(bytes32 nonce, uint256 amount) public {
        Grants.Terms memory t = termsOf("one");
        if (nonce == idOf(t) && amount == PRICE) return;
        refusesPayment(t, DEADLINE, payment(address(grants), amount, DEADLINE, nonce));
    }

    // Payment tokens that misbehave

    function test_FeeOnTransferTokenIsRefused() public {
        useMoney(new FeeDollar());
        Grants.Terms memory t = termsOf("one");
        refuses(
            address(grants),
            requestCall(t),
            abi.encodeWithSelector(GrantsEscrow.PaymentMismatch.selector, PRICE - PRICE / 10, PRICE)
        );
        vm.assertEq(dollar.balanceOf(buyer), 1e15, "the buyer kept all");
    }

    function test_ReentrantTokenCannotHaveOnePaymentLockedTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        money.arm(address(grants), requestCall(termsOf("two")));
        ask(termsOf("one"));
        reentered(money);
        moneyIs(PRICE, 0, 0);
    }

    function test_ReentrantTokenCannotBePaidBackTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        bytes32 id = granted("one");
        open(id, 1);
        giveUp(id, 1);
        ask(termsOf("two"));
        money.arm(address(grants), abi.encodeCall(grants.payCredit, (buyer)));
        grants.payCredit(buyer);
        reentered(money);
        moneyIs(PRICE, 0, 0);
    }

    function test_ReentrantTokenCannotSettleOneUseTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        Grants.Terms memory t = termsOf("one");
        t.uses = 3;
        bytes32 id = granted(t);
        open(id, 1);
        money.arm(address(grants), resultCall(runnerKeys[0], id, 1));
        finish(id, 1);
        reentered(money);
        moneyIs(2 * PRICE, 0, PRICE);
    }

    function test_ReentrantTokenCannotSettleInTheMiddleOfAPayment() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        bytes32 id = granted("one");
        open(id, 1);
        bytes[3] memory calls =
            [abi.encodeCall(grants.settle, (id)), failureCall(runnerKeys[0], id, 1), resultCall(runnerKeys[0], id, 1)];
        for (uint256 i = 0; i < calls.length; i++) {
            money.arm(address(grants), calls[i]);
            ask(termsOf(bytes32(i)));
            reentered(money);
        }
        isIn(id, Grants.State.UseOpened, "as it was");
    }

    function test_NothingIsRequestedWhenOwnersHaveBecomeTooFew() public {
        ask(termsOf("one"));
        for (uint256 i = 1; i < 4; i++) {
            uint256 all = token.balanceOf(owner(i));
            vm.prank(owner(i));
            token.transfer(owner(0), all);
        }
        refuses(
            address(grants), requestCall(termsOf("two")), abi.encodeWithSelector(Grants.NotMature.selector)
        );
    }

    function test_MoneySentWithoutARequestBelongsToNobody() public {
        dollar.mint(address(grants), 77);
        bytes32 id = granted("one");
        open(id, 1);
        finish(id, 1);
        vm.assertEq(token.dividendsReceived(), PRICE, "not distributed");
        vm.assertEq(dollar.balanceOf(address(grants)), 77, "not locked");
    }

    // Snapshots

    function postOne() private {
        address[] memory owners = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (owners[0], amounts[0]) = (member(0), 1e18);
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
    }

    /// Two grants whose snapshots differ by what one member added would show it.
    function test_SnapshotNeedsEnoughNewContributions() public {
        vm.assertEq(grants.snapshotEpoch(), 1, "taken");
        vm.assertEq(grants.snapshotLeaves(), 4, "leaves");
        bytes memory take = abi.encodeCall(grants.takeSnapshot, ());
        refuses(address(grants), take, abi.encodeWithSelector(GrantsCharter.SnapshotTooSmall.selector, 0, 2));
        postOne();
        refuses(address(grants), take, abi.encodeWithSelector(GrantsCharter.SnapshotTooSmall.selector, 1, 2));
        // Epochs without contributions do not help.
        post(claimsOf(0));
        refuses(address(grants), take, abi.encodeWithSelector(GrantsCharter.SnapshotTooSmall.selector, 1, 2));
        postOne();
        skip(7);
        vm.expectEmit(address(grants));
        emit GrantsCharter.SnapshotTaken(4, 6);
        vm.prank(stranger);
        grants.takeSnapshot();
        vm.assertEq(grants.snapshotEpoch(), 4, "the latest epoch");
        vm.assertEq(grants.snapshotAt(4), vm.getBlockTimestamp(), "time");
        vm.assertEq(grants.snapshotAt(3), 0, "no snapshot");
    }

    function test_RequestNamesTheLatestSnapshot() public {
        Grants.Terms memory old = termsOf("one");
        postOne();
        postOne();
        Grants.Terms memory t = termsOf("one");
        t.lastEpoch = 3;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, 3, 1));
        grants.takeSnapshot();
        refuses(address(grants), requestCall(old), abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, 1, 3));
        t.lastEpoch = 2;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, 2, 3));
        t.lastEpoch = 0;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, 0, 3));
        t.lastEpoch = 3;
        ask(t);
    }

    function test_NoRequestBeforeTheFirstSnapshot() public {
        useAsset(params("twin"));
        Grants.Terms memory t = termsOf("one");
        vm.assertEq(t.lastEpoch, 0, "none yet");
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(GrantsTerms.NotSnapshot.selector, 0, 0));
        refuses(
            address(grants),
            abi.encodeCall(grants.takeSnapshot, ()),
            abi.encodeWithSelector(GrantsCharter.SnapshotTooSmall.selector, 0, 2)
        );
    }

    function test_ReentrantTokenCannotSyncInTheMiddleOfASignedDividend() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        money.mint(buyer, PRICE);
        bytes memory s = signature(BUYER_KEY, receiveDigest(buyer, address(token), PRICE, DEADLINE, "dividend"));
        money.arm(address(token), abi.encodeCall(token.sync, ()));
        token.distributeWithAuthorization(buyer, PRICE, 0, DEADLINE, "dividend", s);
        reentered(money);
        vm.assertEq(token.dividendsReceived(), PRICE, "counted once");
    }
}
